/** Tags of DER (X.690). */
export const tag = { integer: 0x02, bitString: 0x03, octetString: 0x04, sequence: 0x30 } as const;

/** One element of DER: a tag, a length, and what it holds. */
export function der(tag: number, ...content: readonly Buffer[]): Buffer {
  const length = content.reduce((sum, part) => sum + part.length, 0);
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), ...content]);
  if (length < 0x100) return Buffer.concat([Buffer.of(tag, 0x81, length), ...content]);
  return Buffer.concat([Buffer.of(tag, 0x82, length >> 8, length & 0xff), ...content]);
}
