/** Where a body's content goes, in order: the next step on its way, or the client. */
export interface Sink {
  /**
   * Takes content.
   * @returns undefined where there is room for more at once; else resolves when there is
   * @throws Malformed, or rejects with it, where it is not what it says that it is; GatehouseError where its receiver has gone
   */
  write(content: readonly Buffer[]): Promise<void> | undefined;
  /** The body has ended: what was kept back goes on, and the next step is told. Once. */
  end(): Promise<void> | undefined;
  /** It was broken off: nothing more goes on, timers and decoders are given up. */
  abort(): void;
}
