/*
 * Values of which not everything is known. What fails has no value: a part that always fails may come to nothing at all. So
 * what is said here holds for every command whose evaluation comes to a value.
 */

/** What a part of a condition may come to. */
export type Possible =
  | { readonly kind: "any" }
  /** One of these, as CEL has them. */
  | { readonly kind: "among"; readonly values: readonly unknown[] }
  /** A list that has these in it, and whatever else. */
  | { readonly kind: "list"; readonly includes: readonly unknown[] }
  /** A whole number that is not smaller. */
  | { readonly kind: "from"; readonly least: bigint };

type Bool = { readonly mayBeTrue: boolean; readonly mayBeFalse: boolean };

/** Values that are followed at the most, wherever two that are not certain meet. */
const MOST = 64;

export const ANY: Possible = { kind: "any" };
const TRUE = among([true]);
const FALSE = among([false]);

export function among(values: readonly unknown[]): Possible {
  return { kind: "among", values };
}

/** A list that has these in it, and whatever else. */
export function having(includes: readonly unknown[]): Possible {
  return { kind: "list", includes };
}

export function mayBeTrue(possible: Possible): boolean {
  return boolOf(possible).mayBeTrue;
}

/** Where it comes to a value, that is true. */
export function isTrue(possible: Possible): boolean {
  return !boolOf(possible).mayBeFalse;
}

/** Where it comes to a value, that is false. */
export function isFalse(possible: Possible): boolean {
  return !boolOf(possible).mayBeTrue;
}

/** In CEL, what is false beside a failure is false. */
export function and(parts: readonly Possible[]): Possible {
  const bools = parts.map(boolOf);
  return possibleOf({
    mayBeTrue: bools.every((part) => part.mayBeTrue),
    mayBeFalse: bools.some((part) => part.mayBeFalse),
  });
}

export function or(parts: readonly Possible[]): Possible {
  return not(and(parts.map(not)));
}

export function not(part: Possible): Possible {
  const { mayBeTrue, mayBeFalse } = boolOf(part);
  return possibleOf({ mayBeTrue: mayBeFalse, mayBeFalse: mayBeTrue });
}

/** One or the other. */
export function either(one: Possible, other: Possible): Possible {
  if (one.kind === "among" && other.kind === "among") return limited([...one.values, ...other.values]);
  if (one.kind === "list" && other.kind === "list") {
    return having(one.includes.filter((value) => contains(other.includes, value)));
  }
  return ANY;
}

export function equal(left: Possible, right: Possible): Possible {
  if (right.kind !== "among") return left.kind === "among" ? equal(right, left) : ANY;
  if (left.kind === "among") return combined(left, right, same);
  const fits = (value: unknown): boolean => {
    if (left.kind === "from") return typeof value !== "bigint" || value >= left.least;
    if (left.kind === "list") {
      return !isList(value) || left.includes.every((item) => contains(value, item));
    }
    return true;
  };
  return right.values.some(fits) ? ANY : FALSE;
}

/** `left < right`, of whole numbers. */
export function less(left: Possible, right: Possible): Possible {
  if (left.kind === "among" && right.kind === "among") {
    return combined(left, right, (a, b) =>
      typeof a === "bigint" && typeof b === "bigint" ? a < b : undefined,
    );
  }
  if (left.kind === "from" && right.kind === "among") {
    const { least } = left;
    return right.values.every((value) => typeof value === "bigint" && value <= least) ? FALSE : ANY;
  }
  if (left.kind === "among" && right.kind === "from") {
    const { least } = right;
    return left.values.every((value) => typeof value === "bigint" && value < least) ? TRUE : ANY;
  }
  return ANY;
}

/** `item in list`. */
export function within(item: Possible, list: Possible): Possible {
  if (list.kind === "among") {
    const lists = list.values;
    if (!lists.every(isList)) return ANY;
    if (lists.every(({ length }) => length === 0)) return FALSE;
    if (item.kind !== "among") return ANY;
    return combined(item, list, (value, values) => (isList(values) ? contains(values, value) : undefined));
  }
  if (list.kind !== "list" || item.kind !== "among") return ANY;
  return item.values.every((value) => contains(list.includes, value)) ? TRUE : ANY;
}

export function sum(left: Possible, right: Possible): Possible {
  if (left.kind === "among" && right.kind === "among") {
    return combined(left, right, (a, b) => {
      if (typeof a === "string" && typeof b === "string") return a + b;
      if (typeof a === "bigint" && typeof b === "bigint") return a + b;
      return isList(a) && isList(b) ? [...a, ...b] : undefined;
    });
  }
  // Of two lists, what is in either is in their sum.
  const parts = [left, right].flatMap((part) => certainly(part) ?? []);
  return parts.length > 0 ? having(parts.flat()) : ANY;
}

/** The size of a list. Of a text, what is written out. */
export function sizeOf(value: Possible): Possible {
  if (value.kind === "among") {
    return mapped(value, (one) => {
      if (typeof one === "string") return BigInt(Array.from(one).length);
      return isList(one) ? BigInt(one.length) : undefined;
    });
  }
  if (value.kind !== "list") return ANY;
  const different = value.includes.filter((item, index, all) => !contains(all.slice(0, index), item));
  return { kind: "from", least: BigInt(different.length) };
}

/** @param map gives undefined where it can't tell: then nothing is known of the result */
export function mapped(of: Possible, map: (value: unknown) => unknown): Possible {
  if (of.kind !== "among") return ANY;
  const results = of.values.map(map);
  return results.includes(undefined) ? ANY : limited(results);
}

/** @param combine gives undefined where it can't tell: then nothing is known of the result */
export function combined(
  left: Possible,
  right: Possible,
  combine: (left: unknown, right: unknown) => unknown,
): Possible {
  if (left.kind !== "among" || right.kind !== "among") return ANY;
  if (left.values.length * right.values.length > MOST) return ANY;
  const results = left.values.flatMap((one) => right.values.map((other) => combine(one, other)));
  return results.includes(undefined) ? ANY : limited(results);
}

/** The one value that it comes to, if to any. */
export function only(possible: Possible): { readonly value: unknown } | undefined {
  if (possible.kind !== "among" || possible.values.length !== 1) return undefined;
  return { value: possible.values[0] };
}

/** What is in a list, whatever else; undefined where it is not known to be one. */
export function certainly(possible: Possible): readonly unknown[] | undefined {
  if (possible.kind === "list") return possible.includes;
  const list = only(possible)?.value;
  return isList(list) ? list : undefined;
}

function boolOf(possible: Possible): Bool {
  if (possible.kind !== "among") return { mayBeTrue: true, mayBeFalse: true };
  return { mayBeTrue: possible.values.includes(true), mayBeFalse: possible.values.includes(false) };
}

function possibleOf({ mayBeTrue, mayBeFalse }: Bool): Possible {
  return among([...(mayBeTrue ? [true] : []), ...(mayBeFalse ? [false] : [])]);
}

function limited(values: readonly unknown[]): Possible {
  const different = values.filter((value, index) => !contains(values.slice(0, index), value));
  return different.length > MOST ? ANY : among(different);
}

function contains(list: readonly unknown[], value: unknown): boolean {
  return list.some((item) => same(item, value));
}

function same(one: unknown, other: unknown): boolean {
  if (!isList(one) || !isList(other)) return one === other;
  return one.length === other.length && one.every((item, index) => same(item, other[index]));
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}
