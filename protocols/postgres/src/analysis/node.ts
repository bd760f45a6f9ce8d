/** A node of the parse tree: what the parser gives is plain JSON, and is looked at as such. */
export type Node = Readonly<Record<string, unknown>>;

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function asNode(value: unknown): Node | undefined {
  return isNode(value) ? value : undefined;
}

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function asText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** The parser leaves zero out. */
export function asNumber(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

/** The parts of a dotted name: a List of String nodes, a single String node, or an object's name with arguments. */
export function namesIn(value: unknown): string[] {
  const node = asNode(value);
  if (!node) return [];
  const single = asText(asNode(node["String"])?.["sval"]);
  if (single !== undefined) return [single];
  const withArguments = asNode(node["ObjectWithArgs"]);
  const typeName = asNode(node["TypeName"]);
  const items = withArguments?.["objname"] ?? typeName?.["names"] ?? asNode(node["List"])?.["items"];
  return asList(items).flatMap(namesIn);
}

/** A literal as text; undefined for anything else, and for a literal whose cast may make another one of it. */
export function constantText(value: unknown): string | undefined {
  const node = asNode(value);
  if (!node) return undefined;
  const cast = asNode(node["TypeCast"]);
  if (cast) return isText(cast["typeName"]) ? constantText(cast["arg"]) : undefined;
  const plain = asText(asNode(node["String"])?.["sval"]);
  if (plain !== undefined) return plain;
  const constant = asNode(node["A_Const"]) ?? node;
  const text = asText(asNode(constant["sval"])?.["sval"]) ?? asText(asNode(constant["fval"])?.["fval"]);
  if (text !== undefined) return text;
  const integer = asNode(constant["ival"]);
  if (integer) return String(asNumber(integer["ival"]));
  // The parser leaves false out, too.
  const boolean = asNode(constant["boolval"]);
  if (boolean) return String(boolean["boolval"] === true);
  return undefined;
}

/** The type `text`: of all, the one to which a cast changes nothing. */
function isText(typeName: unknown): boolean {
  const names = namesIn({ TypeName: typeName });
  return names.at(-1) === "text" && (names.length === 1 || names[0] === "pg_catalog");
}
