import type { FactValue } from "@gatehouse/core";

/** It can't be told for certain what a request would do. */
export class Unclear extends Error {}

export type JsonObject = { readonly [name: string]: FactValue };

export function isObject(value: FactValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !isList(value);
}

export function isList(value: FactValue | undefined): value is readonly FactValue[] {
  return Array.isArray(value);
}

/** The members of an object in a request. A null is as good as none, which is how these APIs have it. */
export class Members {
  readonly #object: JsonObject;

  /**
   * @param known all that it may have: what another one asks for, nobody can tell. Anything, when left out
   * @throws Unclear
   */
  constructor(value: FactValue | undefined, known?: ReadonlySet<string>) {
    if (!isObject(value)) throw new Unclear();
    if (known && Object.keys(value).some((name) => !known.has(name))) throw new Unclear();
    this.#object = value;
  }

  get(name: string): FactValue | undefined {
    const value = Object.hasOwn(this.#object, name) ? this.#object[name] : undefined;
    return value === null ? undefined : value;
  }

  /** @throws Unclear where it is none, or not there */
  text(name: string): string {
    const value = this.get(name);
    if (typeof value !== "string") throw new Unclear();
    return value;
  }

  /** @throws Unclear where it is neither true nor false: `"false"` is true to some */
  flag(name: string): boolean {
    const value = this.get(name);
    if (value !== undefined && typeof value !== "boolean") throw new Unclear();
    return value === true;
  }

  /** @throws Unclear where it is no number to count with */
  count(name: string): number | undefined {
    const value = this.get(name);
    if (value === undefined) return undefined;
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw new Unclear();
    return value;
  }

  /** Empty where it is not there. @throws Unclear */
  list(name: string): readonly FactValue[] {
    const value = this.get(name);
    if (value === undefined) return [];
    if (!isList(value)) throw new Unclear();
    return value;
  }

  /** All others than these. */
  *without(names: readonly string[]): Iterable<FactValue> {
    for (const [name, value] of Object.entries(this.#object)) {
      if (!names.includes(name)) yield value;
    }
  }
}

/** Every text in a value, however deep and in its order, but for what says of which type something is. */
export function textsIn(value: FactValue | undefined): readonly string[] {
  if (typeof value === "string") return [value];
  if (isList(value)) return value.flatMap(textsIn);
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, member]) => (name === "type" ? [] : textsIn(member)));
}
