/** What a body is, as its sender says (RFC 9110, section 8.3). */
export interface MediaType {
  /** In small letters, without parameters: `application/json`. */
  readonly type: string;
  /** By name, in small letters. */
  readonly parameters: ReadonlyMap<string, string>;
}

const LONGEST = 512;
const TYPE = /^[!#$%&'*+.^_`|~0-9a-z-]+\/[!#$%&'*+.^_`|~0-9a-z-]+/i;
const PARAMETER = /[ \t]*;[ \t]*([!#$%&'*+.^_`|~0-9a-z-]+)=(?:([!#$%&'*+.^_`|~0-9a-z-]+)|"([^"\\]*)")/iy;

/** @returns undefined where it is none, too long, or one that readers do not agree on: a parameter twice, a quoted quote */
export function readMediaType(text: string): MediaType | undefined {
  const type = text.length > LONGEST ? undefined : TYPE.exec(text)?.[0];
  if (type === undefined) return undefined;
  const parameters = new Map<string, string>();
  const end = text.length - (/[ \t]*;[ \t]*$/.exec(text)?.[0].length ?? 0);
  let at = type.length;
  while (at < end) {
    PARAMETER.lastIndex = at;
    const [whole, name, word, quoted] = PARAMETER.exec(text) ?? [];
    if (whole === undefined || name === undefined || parameters.has(name.toLowerCase())) return undefined;
    parameters.set(name.toLowerCase(), word ?? quoted ?? "");
    at += whole.length;
  }
  return { type: type.toLowerCase(), parameters };
}

/** Whether its text is UTF-8, which is what the types that are read here are in where nothing is said. */
export function isInUtf8({ parameters }: MediaType): boolean {
  return /^utf-?8$/i.test(parameters.get("charset") ?? "utf-8");
}
