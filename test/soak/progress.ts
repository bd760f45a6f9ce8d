const started = Date.now();

/** A line of what goes on, with the seconds since the start. */
export function say(text: string): void {
  const seconds = String(Math.round((Date.now() - started) / 1000));
  process.stdout.write(`${seconds.padStart(5)} s  ${text}\n`);
}

export const megabytes = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MB`;
