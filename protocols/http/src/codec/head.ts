import { Malformed } from "./malformed.ts";

const CR = 0x0d;
const LF = 0x0a;

/** A CR or a LF that is not a part of a line's end. */
const STRAY = /\r(?!\n)|(?<!\r)\n/;

/** A head's lines, and how many bytes they take with the empty one behind them. */
export interface Head {
  readonly lines: readonly [string, ...string[]];
  readonly size: number;
}

/**
 * Finds a message's head: all lines up to the first empty one (RFC 9112, section 2.1). Lines end with CR LF and nothing else: a CR or a LF
 * that stands alone is a line's end to some readers and none to others (section 2.2 lets a recipient take it, and so it is a door).
 * @param bytes what has come so far, from the message's first byte on
 * @param looked how many of them were there the last time, in vain
 * @param limit bytes of a head, with the empty line, at most
 * @returns undefined where its end has not come yet
 * @throws Malformed the same for the same bytes, in whatever pieces they came
 */
export function findHead(bytes: Buffer, looked: number, limit: number): Head | undefined {
  // The last three may be the beginning of the end.
  const end = bytes.indexOf("\r\n\r\n", Math.max(0, looked - 3), "latin1");
  const size = end === -1 ? bytes.length : end + 4;
  const text = end === -1 || size > limit ? undefined : bytes.toString("latin1", 0, end);
  // The usual case is seen in one look.
  if (text === undefined || STRAY.test(text)) {
    checkLines(bytes, Math.max(0, looked - 1), Math.min(size, limit));
  }
  if (size > limit) throw new Malformed("the head is too large", 431);
  if (text === undefined) return undefined;
  const [first = "", ...more] = text.split("\r\n");
  return { lines: [first, ...more], size };
}

/** Seen as soon as it is there: a client that never ends its head is told what is wrong with it. */
function checkLines(bytes: Buffer, from: number, to: number): void {
  for (let at = from; at < to; ) {
    const lf = bytes.indexOf(LF, at);
    const cr = bytes.indexOf(CR, at);
    if (lf !== -1 && lf < to && (cr === -1 || lf < cr)) {
      if (lf === 0 || bytes[lf - 1] !== CR) throw new Malformed("a line ends without CR");
      at = lf + 1;
      continue;
    }
    // What follows the last one has not come yet.
    if (cr === -1 || cr >= to - 1) return;
    if (bytes[cr + 1] !== LF) throw new Malformed("a CR stands alone");
    at = cr + 2;
  }
}
