import type { Decision } from "@gatehouse/core";

/** Shapes that one memory keeps at the most: a client can make any number of them. */
const MAX_SHAPES = 1024;

/** What is known already of commands of one shape. */
export interface ShapeMemory {
  /** Where it rests on settled conditions alone, and none of them failed. */
  decision: Decision | undefined;
  /** Where there is no such decision: the results of settled conditions that did not fail, by the rule's number. */
  results: (boolean | undefined)[];
}

/** What the rules of one selection said to the shapes of commands that they met. Gone with the selection or the shape. */
export class Memory {
  #shapes = new WeakMap<object, ShapeMemory>();
  #count = 0;

  of(shape: object): ShapeMemory {
    const known = this.#shapes.get(shape);
    if (known !== undefined) return known;
    // A WeakMap does not say how many it holds, nor which is the oldest: what is full begins anew.
    if (this.#count === MAX_SHAPES) {
      this.#shapes = new WeakMap();
      this.#count = 0;
    }
    const fresh: ShapeMemory = { decision: undefined, results: [] };
    this.#shapes.set(shape, fresh);
    this.#count++;
    return fresh;
  }
}
