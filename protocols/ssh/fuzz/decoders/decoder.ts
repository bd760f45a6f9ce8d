/** What reads bytes of somebody else's, and bytes that it reads. */
export interface Decoder {
  readonly name: string;
  readonly samples: readonly [Buffer, ...Buffer[]];
  readonly decode: (bytes: Buffer) => unknown;
  /** Writes what was read, so that it is read as the same again. */
  readonly again?: (bytes: Buffer) => Buffer;
}
