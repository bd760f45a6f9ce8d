import type { FactValue } from "@gatehouse/core";

/**
 * A fact as CEL has it: its whole numbers are bigints. An object is a Map: CEL looks at a value's constructor, and an object of a client
 * may have a member of that name.
 */
export function celValue(value: FactValue | undefined): unknown {
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value !== "object" || value === null) return value;
  if (isList(value)) return value.map(celValue);
  return new Map(Object.entries(value).map(([name, member]) => [name, celValue(member)]));
}

/** The way back, for people to see. */
export function factValue(value: unknown): FactValue {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([name, member]) => [String(name), factValue(member)]));
  }
  return Array.isArray(value) ? value.map(factValue) : null;
}

/** Whether it is, or has in it, what has parts by name. */
export function hasNames(value: FactValue): boolean {
  if (typeof value !== "object" || value === null) return false;
  return isList(value) ? value.some(hasNames) : true;
}

function isList(value: object): value is readonly FactValue[] {
  return Array.isArray(value);
}
