import type { SettingsReader, SettingsResult } from "@gatehouse/core";

/** Values as YAML gave them, before a schema has spoken. */

/** The map of keys at a place, or an empty one where something else stands: the schema says what is wrong with it. */
export function mapOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** What stands at `path`; undefined where the path leads nowhere. */
export function valueAt(root: unknown, path: readonly (string | number)[]): unknown {
  let value = root;
  for (const step of path) {
    const holds = typeof value === "object" && value !== null && Object.hasOwn(value, step);
    value = holds ? Object.getOwnPropertyDescriptor(value, step)?.value : undefined;
  }
  return value;
}

/** Reads those keys of a map that are a reader's own; what else stands there is for others. */
export function readOwn<T>(reader: SettingsReader<T>, value: unknown): SettingsResult<T> {
  const own = Object.entries(mapOf(value)).filter(([key]) => reader.keys.includes(key));
  return reader.read(Object.fromEntries(own));
}
