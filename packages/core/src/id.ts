/** Crockford's alphabet: no I, L, O or U, so that an id survives being read aloud. */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** `ses` for sessions, `ref` for what a client is told to quote. */
export type IdPrefix = "ses" | "ref";

/** Makes identifiers. */
export type IdSource = (prefix: IdPrefix) => string;

/**
 * An id source over a source of random bytes: a prefix and 16 characters that hold 80 bits, so that
 * ids neither collide nor can be guessed.
 */
export function idSource(randomBytes: (size: number) => Uint8Array): IdSource {
  return (prefix) => {
    let id = `${prefix}_`;
    for (const byte of randomBytes(16)) id += ALPHABET.charAt(byte & 31);
    return id;
  };
}
