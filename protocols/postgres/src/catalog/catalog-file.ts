import { createHash } from "node:crypto";
import type { SettingsIssue, SettingsResult } from "@gatehouse/core";
import { checkValue, didYouMean } from "@gatehouse/documents";
import { z } from "zod";
import { dotted } from "../analysis/search-path.ts";
import type { CatalogData, Column, Relation } from "./catalog.ts";
import { FIRST_OWN } from "./queries.ts";
import { OWN_TYPE_NAMES } from "./type-names.ts";

/*
 * A catalog in a file, for people to keep beside their policies: in the order of names, an object a line, a column of
 * somebody's own relation a line. In place of object ids, which differ from server to server, stand names; only types of
 * pg_catalog that are seldom a column's stand by their id, which is the same on all servers of a major version.
 */

/** A name of somebody's own has its schema before it, and so a dot in it. */
const OWN_TYPES: ReadonlyMap<string, number> = new Map(
  Array.from(OWN_TYPE_NAMES, ([id, type]) => [type, id]),
);

/** Grows when files that were written before can't be read any more. */
const FORMAT = 1;

const SYSTEM: ReadonlySet<string> = new Set(["pg_catalog", "information_schema"]);

interface Named {
  readonly schema: string;
  readonly name: string;
}

/** The file of a catalog: the same text for the same content. */
export function catalogFile(data: CatalogData): string {
  const { relations, routines, types, operators, casts, serverVersion } = data;
  const typeNames = new Map(types.map((type) => [type.id, nameOf(type)]));
  const relationNames = new Map(relations.map((relation) => [relation.id, nameOf(relation)]));
  // What nobody has finished making has no name (CREATE TYPE x).
  const typeRef = (id: number) => OWN_TYPE_NAMES.get(id) ?? typeNames.get(id) ?? (id < FIRST_OWN ? id : 0);
  const lists = {
    relations: inOrder(relations).map(
      ({ id, schema, columns, parents, hooks, referrers, policyReads, ...rest }) => ({
        schema,
        ...rest,
        made: isMade(schema, id),
        ...(hooks ? { hooks: sorted(hooks) } : {}),
        ...(referrers
          ? {
              referrers: sorted(referrers.map((by) => ({ ...by, relation: relationNames.get(by.relation) }))),
            }
          : {}),
        ...(policyReads
          ? { policyReads: policyReads.flatMap((id) => relationNames.get(id) ?? []).toSorted() }
          : {}),
        ...(parents.length > 0 ? { parents: parents.map((parent) => relationNames.get(parent)) } : {}),
        columns: columns.map((column) => ({ ...column, type: typeRef(column.type) })),
      }),
    ),
    routines: inOrder(routines, ({ arguments: given }) => given).map(({ id, schema, returns, ...rest }) => ({
      schema,
      ...rest,
      made: isMade(schema, id),
      returns: typeRef(returns),
    })),
    types: inOrder(types).map(({ id: _, base, relation, element, checks, ...rest }) => ({
      ...rest,
      ...(checks ? { checks: checks.toSorted() } : {}),
      ...(base === undefined ? {} : { base: typeRef(base) }),
      ...(relation === undefined ? {} : { relation: relationNames.get(relation) }),
      ...(element === undefined ? {} : { element: typeRef(element) }),
    })),
    operators: inOrder(operators, (operator) => operator.function),
    casts: sorted(
      casts.map(({ source, target, ...rest }) => ({
        source: typeRef(source),
        target: typeRef(target),
        ...rest,
      })),
    ),
  };
  const list = (of: keyof typeof lists) => {
    const keys = Object.keys(file.shape[of].element.shape);
    return `  "${of}": [${lines(lists[of].map((object) => inFile(object, keys)))}]`;
  };
  const written = (["relations", "routines", "types", "operators", "casts"] as const).map(list);
  return `{\n  "catalog": ${FORMAT},\n  "serverVersion": ${serverVersion},\n${written.join(",\n")}\n}\n`;
}

/** Somebody has added it to a schema of the server's, as extensions do. */
function isMade(schema: string, id: number): boolean {
  return SYSTEM.has(schema) && id >= FIRST_OWN;
}

/** A number for an object of a file: as on a server, what is its own is told by it from what somebody has made. */
function numbered(
  { schema, made }: { readonly schema: string; readonly made?: boolean },
  index: number,
): number {
  return SYSTEM.has(schema) && made !== true ? 1 + (index % (FIRST_OWN - 1)) : FIRST_OWN + index;
}

/** Somebody's own first, which is what people read. */
function inOrder<One extends Named>(objects: readonly One[], further = (_: One) => ""): One[] {
  const key = (object: One) => [
    SYSTEM.has(object.schema) ? "1" : "0",
    object.schema,
    object.name,
    further(object),
  ];
  const keyed = objects.map((object) => ({ object, key: key(object).join("\0") }));
  return keyed.sort((a, b) => compare(a.key, b.key)).map(({ object }) => object);
}

function sorted<One>(list: readonly One[]): One[] {
  return list.toSorted((a, b) => compare(JSON.stringify(a), JSON.stringify(b)));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function lines(texts: readonly string[]): string {
  return texts.length === 0 ? "" : `\n${texts.map((text) => `    ${text}`).join(",\n")}\n  `;
}

/** @param keys in the order in which they are written */
function inFile(object: object, keys: readonly string[]): string {
  const members = new Map(Object.entries(object));
  const written = keys.flatMap((key) => {
    const value: unknown = members.get(key);
    if (value === undefined || value === false) return [];
    return `${JSON.stringify(key)}:${key === "columns" && !isSystem(object) ? columnLines(value) : JSON.stringify(value)}`;
  });
  return `{${written.join(",")}}`;
}

function columnLines(columns: unknown): string {
  const each = Array.isArray(columns) ? columns.map((column) => `\n      ${JSON.stringify(column)}`) : [];
  return `[${each.join(",")}]`;
}

function isSystem(object: object): boolean {
  return "schema" in object && SYSTEM.has(String(object.schema));
}

function nameOf({ schema, name }: Named): string {
  return dotted([schema, name]);
}

/**
 * Reads what `catalogFile` has written.
 * @param raw the file's JSON, of whatever form
 */
export function readCatalogFile(raw: unknown): SettingsResult<CatalogData> {
  // What is of another form altogether would be wrong in every place.
  const format = checkValue(z.looseObject({ catalog: z.unknown() }), raw);
  if (!format.ok || format.value.catalog !== FORMAT) {
    const message = `expected a catalog of format ${FORMAT}, as \`gatehouse policy catalog\` of this version writes it`;
    return { ok: false, issues: [{ path: ["catalog"], message }] };
  }
  const checked = checkValue(file, raw);
  if (!checked.ok) return checked;
  const { relations, routines, types, operators, casts, serverVersion } = checked.value;
  const issues: SettingsIssue[] = [];
  const ids = (kind: string, named: readonly Named[], idOf: (one: Named, index: number) => number) => {
    const known = new Map(named.map((one, index) => [nameOf(one), idOf(one, index)]));
    return (name: string, path: SettingsIssue["path"]): number => {
      const id = known.get(name);
      if (id === undefined) {
        const message = `"${name}" is not a ${kind} of this file${didYouMean(name, known.keys())}`;
        issues.push({ path, message });
      }
      return id ?? 0;
    };
  };
  const relationId = ids("relation", relations, numbered);
  const typeName = ids("type", types, (_, index) => FIRST_OWN + index);
  const typeId = (ref: string | number, path: SettingsIssue["path"]) =>
    typeof ref === "number" ? ref : (OWN_TYPES.get(ref) ?? typeName(ref, path));
  const data: CatalogData = {
    version: createHash("sha256").update(JSON.stringify(raw)).digest("base64url"),
    serverVersion,
    relations: relations.map(
      ({ columns, parents = [], referrers, policyReads, made, ...rest }, index): Relation => {
        const at = ["relations", index];
        return {
          id: numbered({ ...rest, made }, index),
          ...rest,
          columns: columns.map(
            (one, place): Column => ({ ...one, type: typeId(one.type, [...at, "columns", place, "type"]) }),
          ),
          parents: parents.map((parent, place) => relationId(parent, [...at, "parents", place])),
          ...(policyReads
            ? {
                policyReads: policyReads.map((one, place) => relationId(one, [...at, "policyReads", place])),
              }
            : {}),
          ...(referrers
            ? {
                referrers: referrers.map((by, place) => ({
                  ...by,
                  relation: relationId(by.relation, [...at, "referrers", place, "relation"]),
                })),
              }
            : {}),
        };
      },
    ),
    routines: routines.map(({ returns, made, ...rest }, index) => ({
      id: numbered({ ...rest, made }, index),
      ...rest,
      returns: typeId(returns, ["routines", index, "returns"]),
    })),
    types: types.map(({ base, relation, element, ...rest }, index) => ({
      id: FIRST_OWN + index,
      ...rest,
      ...(base === undefined ? {} : { base: typeId(base, ["types", index, "base"]) }),
      ...(relation === undefined ? {} : { relation: relationId(relation, ["types", index, "relation"]) }),
      ...(element === undefined ? {} : { element: typeId(element, ["types", index, "element"]) }),
    })),
    operators,
    casts: casts.map(({ source, target, ...rest }, index) => ({
      source: typeId(source, ["casts", index, "source"]),
      target: typeId(target, ["casts", index, "target"]),
      ...rest,
    })),
  };
  return issues.length > 0 ? { ok: false, issues } : { ok: true, value: data };
}

const name = z.string();
const number = z.int().min(1);
/** Written only where it is true. */
const flag = z.boolean().default(false);
const typeReference = z.union([
  z
    .int()
    .min(0)
    .max(FIRST_OWN - 1),
  name,
]);

const event = z.enum(["read", "insert", "update", "delete", "truncate"]);

const relation = z.strictObject({
  schema: name,
  name,
  kind: z.enum(["table", "view", "materialized view", "foreign table", "sequence", "composite type"]),
  definition: z.string().exactOptional(),
  rules: flag,
  triggers: flag,
  rowSecurity: flag,
  made: flag,
  hooks: z.array(z.strictObject({ routine: name, on: z.array(event) })).exactOptional(),
  referrers: z
    .array(
      z.strictObject({
        relation: name,
        onUpdate: z.literal("update").exactOptional(),
        onDelete: z.enum(["update", "delete"]).exactOptional(),
      }),
    )
    .exactOptional(),
  policyReads: z.array(name).exactOptional(),
  parents: z.array(name).exactOptional(),
  columns: z.array(
    z.strictObject({ name, number, type: typeReference, generatedFrom: z.array(number).exactOptional() }),
  ),
});

const routine = z.strictObject({
  schema: name,
  name,
  kind: z.enum(["function", "procedure", "aggregate", "window"]),
  arguments: z.string(),
  language: name,
  volatility: z.enum(["immutable", "stable", "volatile"]),
  securityDefiner: flag,
  returnsSet: flag,
  made: flag,
  returns: typeReference,
});

const type = z.strictObject({
  schema: name,
  name,
  kind: z.enum(["domain", "enum", "composite", "range", "base", "multirange"]),
  base: typeReference.exactOptional(),
  relation: name.exactOptional(),
  element: typeReference.exactOptional(),
  textual: z.literal(true).exactOptional(),
  checks: z.array(name).exactOptional(),
});

const operator = z.strictObject({ schema: name, name, function: name });
const cast = z.strictObject({ source: typeReference, target: typeReference, function: name });

const file = z.strictObject({
  catalog: z.literal(FORMAT),
  serverVersion: z.int().min(0),
  relations: z.array(relation),
  routines: z.array(routine),
  types: z.array(type),
  operators: z.array(operator),
  casts: z.array(cast),
});
