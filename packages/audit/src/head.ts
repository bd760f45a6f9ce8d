/** The newest line of a log: what the next one is chained to, and what a checkpoint keeps elsewhere. */
export interface Head {
  /** 0 for a log without lines. */
  readonly seq: number;
  /** SHA-256, 64 lower-case hexadecimal digits. */
  readonly hash: string;
}

/** What the first line is chained to. */
export const emptyHead: Head = { seq: 0, hash: "0".repeat(64) };

/** Writes a head as `seq:hash`, the form in which people and `gatehouse audit verify --head` carry it. */
export function formatHead({ seq, hash }: Head): string {
  return `${seq}:${hash}`;
}

/** Reads `seq:hash`; `undefined` when the text is nothing of the kind. */
export function parseHead(text: string): Head | undefined {
  const [, digits, hash] = /^(0|[1-9][0-9]{0,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  const seq = Number(digits);
  return hash === undefined || !Number.isSafeInteger(seq) ? undefined : { seq, hash };
}
