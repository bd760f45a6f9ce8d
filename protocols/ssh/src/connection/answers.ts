import { GatehouseError } from "@gatehouse/core";

/** Requests of a peer's that may wait for their answers. */
const MOST = 256;

interface Slot<T> {
  readonly wanted: boolean;
  answer?: { readonly value: T };
}

/** The answers to a peer's requests: sent in the order of these, each as soon as those before it are. */
export class Answers<T> {
  readonly #send: (answer: T) => void;
  /** The oldest first; those that are answered wait for the ones before them. */
  readonly #slots: Slot<T>[] = [];

  /** @param send is given each answer that the peer wants, in its turn */
  constructor(send: (answer: T) => void) {
    this.#send = send;
  }

  /**
   * A place for the answer to a request that has come.
   * @param wanted whether the peer wants to know it
   * @returns gives the answer; what is given later does nothing
   * @throws GatehouseError PROTOCOL_VIOLATION where too many wait
   */
  expect(wanted: boolean): (answer: T) => void {
    if (this.#slots.length >= MOST) {
      throw new GatehouseError("PROTOCOL_VIOLATION", "too many requests wait for their answers");
    }
    const slot: Slot<T> = { wanted };
    this.#slots.push(slot);
    return (value) => {
      slot.answer ??= { value };
      for (let [first] = this.#slots; first?.answer !== undefined; [first] = this.#slots) {
        this.#slots.shift();
        if (first.wanted) this.#send(first.answer.value);
      }
    };
  }
}
