import { asText, type Node, namesIn } from "./node.ts";

/** Objects that belong to the whole server or database, or that reach outside of it: not a schema's own. */
const ADMINISTRATIVE: ReadonlySet<string> = new Set(
  ["ACCESS_METHOD", "DATABASE", "EVENT_TRIGGER", "EXTENSION", "FDW", "FOREIGN_SERVER", "FOREIGN_TABLE"]
    .concat([
      "LANGUAGE",
      "PARAMETER_ACL",
      "PUBLICATION",
      "ROLE",
      "SUBSCRIPTION",
      "TABLESPACE",
      "USER_MAPPING",
    ])
    .map((name) => `OBJECT_${name}`),
);

/** Named as `relation.part`; what changes is the relation. */
const PARTS: ReadonlySet<string> = new Set(
  ["COLUMN", "POLICY", "RULE", "TABCONSTRAINT", "TRIGGER"].map((name) => `OBJECT_${name}`),
);

/** The type of object that a DROP, ALTER, COMMENT or SECURITY LABEL is about, by the grammar's name. */
function objectType(body: Node): string {
  const type = body["removeType"] ?? body["renameType"] ?? body["objectType"] ?? body["objtype"];
  return asText(type) ?? "";
}

/** Whether the statement is about an object that is administered rather than defined, or gives one away. */
export function isAdministrative(body: Node): boolean {
  return ADMINISTRATIVE.has(objectType(body)) || body["subtype"] === "AT_ChangeOwner";
}

/** The dotted name to report for an object that such a statement names. */
export function reportedName(body: Node, object: unknown): readonly string[] {
  const names = namesIn(object);
  return PARTS.has(objectType(body)) ? names.slice(0, -1) : names;
}

/** Whether its name stands alone, without a schema before it. */
export function standsAlone(body: Node): boolean {
  return ADMINISTRATIVE.has(objectType(body)) || objectType(body) === "OBJECT_SCHEMA";
}
