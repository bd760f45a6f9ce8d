/** What is not known yet. When `known` resolves, it can be asked again. */
export class Pending {
  readonly known: Promise<unknown>;

  constructor(known: Promise<unknown>) {
    this.known = known;
  }
}
