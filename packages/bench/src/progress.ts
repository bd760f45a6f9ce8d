/** Where it stands, on `stream`: in place on a terminal; elsewhere only what is done, a line each. */
export interface Progress {
  step(text: string): void;
  done(text: string): void;
  clear(): void;
}

export function progressOn(stream: NodeJS.WriteStream): Progress {
  const clear = () => {
    if (stream.isTTY) stream.write("\r\u001b[K");
  };
  return {
    step(text) {
      clear();
      if (stream.isTTY) stream.write(text.slice(0, stream.columns - 1));
    },
    done(text) {
      clear();
      stream.write(`${text}\n`);
    },
    clear,
  };
}
