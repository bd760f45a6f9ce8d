/** Bytes as text, and where in the bytes each of its UTF-16 units begins. */
export interface Decoded {
  readonly text: string;
  /** Of a unit's; where the bytes end, of the text's end. */
  readonly byteOf: (unit: number) => number;
}

/** What is no UTF-8 becomes one U+FFFD a byte, which no detector takes for a part of something. */
export function decode(bytes: Buffer, latin1: string): Decoded {
  if (!NOT_ASCII.test(latin1)) return { text: latin1, byteOf: (unit) => unit };
  const starts = new Uint32Array(bytes.length + 1);
  let text = "";
  let units = 0;
  let run = 0;
  let at = 0;
  while (at < bytes.length) {
    const length = characterAt(bytes, at);
    starts[units++] = at;
    if (length === 4) starts[units++] = at;
    if (length === 0) {
      text += `${bytes.toString("utf8", run, at)}\ufffd`;
      run = at + 1;
    }
    at += length || 1;
  }
  starts[units] = at;
  return { text: text + bytes.toString("utf8", run, at), byteOf: (unit) => starts[unit] ?? at };
}

const NOT_ASCII = /[\x80-\xff]/;

/** How many bytes the character has that begins here (RFC 3629, section 4); 0 where none does. */
export function characterAt(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const second = bytes[at + 1] ?? 0;
  const from = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const to = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < from || second > to) return 0;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  for (let next = 2; next < length; next++) if (((bytes[at + next] ?? 0) & 0xc0) !== 0x80) return 0;
  return length;
}
