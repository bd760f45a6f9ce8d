import type { MaskingStream } from "@gatehouse/core";

/** One after the other: what the first lets out, the next one takes. */
export function chained(streams: readonly MaskingStream[]): MaskingStream {
  const through = (pieces: readonly Buffer[], from: number) =>
    streams
      .slice(from)
      .reduce<readonly Buffer[]>((out, stream) => out.flatMap((piece) => stream.write(piece)), pieces);
  return {
    write: (chunk) => through([chunk], 0),
    flush: () => streams.flatMap((stream, number) => through(stream.flush(), number + 1)),
    get pending() {
      return streams.some(({ pending }) => pending);
    },
    get kept() {
      return streams.reduce((sum, { kept }) => sum + kept, 0);
    },
    get found() {
      return new Set(streams.flatMap(({ found }) => [...found]));
    },
  };
}

/** For what can't be masked: nothing is left. */
export const nothingLeft: MaskingStream = {
  write: () => [],
  flush: () => [],
  pending: false,
  kept: 0,
  found: new Set(),
};
