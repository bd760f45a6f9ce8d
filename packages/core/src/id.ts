/** Crockford's alphabet: no I, L, O or U, so that an id survives being read aloud. */
const ALPHABET = Buffer.from("0123456789ABCDEFGHJKMNPQRSTVWXYZ");

/** `ses` for sessions, `ref` for what a client is told to quote, `apr` for approvals, `grt` for grants. */
export type IdPrefix = "ses" | "ref" | "apr" | "grt";

/** Makes identifiers. */
export type IdSource = (prefix: IdPrefix) => string;

/** Characters of one id: 5 bits each. */
const LENGTH = 16;
/** Ids for which random bytes are drawn at once: the draw costs more than the bytes. */
const DRAWN = 256;

/**
 * An id source over a source of random bytes: a prefix and 16 characters that hold 80 bits, so that
 * ids neither collide nor can be guessed. No byte is used twice.
 */
export function idSource(randomBytes: (size: number) => Uint8Array): IdSource {
  let drawn = "";
  let next = 0;
  return (prefix) => {
    if (next === drawn.length) {
      const letters = Buffer.from(randomBytes(LENGTH * DRAWN));
      for (let at = 0; at < letters.length; at++) letters[at] = ALPHABET[(letters[at] ?? 0) & 31] ?? 0;
      drawn = letters.toString("latin1");
      next = 0;
    }
    const start = next;
    next += LENGTH;
    return `${prefix}_${drawn.slice(start, next)}`;
  };
}
