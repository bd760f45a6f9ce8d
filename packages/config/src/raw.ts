import type { SettingsReader, SettingsResult } from "@gatehouse/core";
import { z } from "zod";

/** Values as YAML gave them, before a schema has spoken. */

/** The map of keys at a place, or an empty one where something else stands: the schema says what is wrong with it. */
export function mapOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export type Path = readonly (string | number)[];

/** What stands once or in a list, with the way to each. */
export function each(value: unknown, path: Path): readonly (readonly [unknown, Path])[] {
  return Array.isArray(value)
    ? listOf(value).map((item, index) => [item, [...path, index]] as const)
    : [[value, path]];
}

/** What stands at `path`; undefined where the path leads nowhere. */
export function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const step of path) {
    const holds = typeof value === "object" && value !== null && Object.hasOwn(value, step);
    value = holds ? Object.getOwnPropertyDescriptor(value, step)?.value : undefined;
  }
  return value;
}

/** Reads those keys of a map that are a reader's own; what else stands there is for others. */
export function readOwn<T>(reader: SettingsReader<T>, value: unknown, folder: string): SettingsResult<T> {
  const own = Object.entries(mapOf(value)).filter(([key]) => reader.keys.includes(key));
  return reader.read(Object.fromEntries(own), folder);
}

/** A reader's own keys, as the schema of the common ones has them: there, so that a misspelt one finds its nearest. */
export function passing(keys: readonly string[]) {
  return Object.fromEntries(keys.map((key) => [key, z.unknown().optional()]));
}
