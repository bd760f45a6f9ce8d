import { decodeEscapes } from "./escapes.ts";

/** One `name=value` of a query or a form, decoded. */
export interface Parameter {
  readonly name: string;
  readonly value: string;
}

/**
 * Reads what browsers call application/x-www-form-urlencoded: pairs between `&`, `+` for a blank. Only `&` separates: whoever calls sees
 * to it that no `;` is left, at which some servers cut, too.
 * @param text of which each unit is a byte
 * @returns undefined where an escape is none, or what it stands for is no UTF-8 or has a NUL, at which some readers stop
 */
export function readParameters(text: string): readonly Parameter[] | undefined {
  const parameters: Parameter[] = [];
  for (const pair of text.split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = decodedWord(equals === -1 ? pair : pair.slice(0, equals));
    const value = decodedWord(equals === -1 ? "" : pair.slice(equals + 1));
    if (name === undefined || value === undefined) return undefined;
    parameters.push({ name, value });
  }
  return parameters;
}

/** All values of each name, in order: of a name that stands there twice, one server takes the first and another the last. */
export function byName(parameters: readonly Parameter[]): Readonly<Record<string, readonly string[]>> {
  if (parameters.length === 0) return {};
  const values = new Map<string, string[]>();
  for (const { name, value } of parameters) {
    const known = values.get(name);
    if (known === undefined) values.set(name, [value]);
    else known.push(value);
  }
  return Object.fromEntries(values);
}

/** The text with the values of these names hidden, the others as they were sent. @param secret names in small letters */
export function hideParameters(text: string, secret: ReadonlySet<string>): string {
  if (secret.size === 0) return text;
  return text
    .split("&")
    .map((pair) => {
      const equals = pair.indexOf("=");
      if (equals === -1) return pair;
      const name = decodedWord(pair.slice(0, equals));
      // A name that can't be read may be one of them.
      const hidden = name === undefined || secret.has(name.toLowerCase());
      return hidden ? `${pair.slice(0, equals)}=[hidden]` : pair;
    })
    .join("&");
}

function decodedWord(word: string): string | undefined {
  const text = decodeEscapes(word.replaceAll("+", " "));
  return text?.includes("\0") === true ? undefined : text;
}
