import type { SettingsReader } from "@gatehouse/core";
import type { z } from "zod";
import { checkValue, jsonSchemaOf } from "./schema.ts";

/** A map of keys, with what is to be said of all of them together. */
type SettingsSchema<T> = z.ZodType<T> & { readonly shape: z.ZodRawShape };

/** The folder of settings that come from no file: paths in them are absolute already. */
const NO_FOLDER = "/";

/**
 * A protocol's own keys, read by a schema.
 * @param schema where the keys name files, it is made for the folder that these are relative to
 */
export function settingsReader<T>(
  schema: SettingsSchema<T> | ((folder: string) => SettingsSchema<T>),
): SettingsReader<T> {
  const schemaFor = typeof schema === "function" ? latest(schema) : () => schema;
  const { shape } = schemaFor(NO_FOLDER);
  return {
    keys: Object.keys(shape),
    read: (raw, folder) => checkValue(schemaFor(folder), raw),
    jsonSchema: jsonSchemaOf(schemaFor(NO_FOLDER)),
  };
}

/** A file has one folder, and many targets: what was made for the last one is made once. */
function latest<T>(make: (folder: string) => T): (folder: string) => T {
  let last: { readonly folder: string; readonly made: T } | undefined;
  return (folder) => {
    if (last?.folder !== folder) last = { folder, made: make(folder) };
    return last.made;
  };
}

/**
 * A reader, and the way back from `unknown` to what it has read: by the object's identity, so that each session need
 * not check again what the config has checked, and nothing that only looks like settings passes unchecked.
 * @param protocol whose settings they are, for the error of who hands over another's
 */
export function remembered<T extends object>(
  reader: SettingsReader<T>,
  protocol: string,
): { readonly reader: SettingsReader<T>; readonly recall: (settings: unknown) => T } {
  const known = new WeakMap<object, T>();
  const read: SettingsReader<T>["read"] = (raw, folder) => {
    const result = reader.read(raw, folder);
    if (result.ok) known.set(result.value, result.value);
    return result;
  };
  const recall = (settings: unknown): T => {
    const recalled = typeof settings === "object" && settings !== null ? known.get(settings) : undefined;
    if (recalled !== undefined) return recalled;
    const result = read(settings, NO_FOLDER);
    if (result.ok) return result.value;
    throw new TypeError(`Settings of another protocol were handed to the ${protocol} adapter.`);
  };
  return { reader: { ...reader, read }, recall };
}
