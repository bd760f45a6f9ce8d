import type { Mask, Misfit, Transform } from "@gatehouse/core";
import { didYouMean, partsOf } from "@gatehouse/documents";
import { columnPattern } from "@gatehouse/masking";
import { dotted } from "../analysis/search-path.ts";
import type { CatalogData, Column, Relation, RelationKind } from "../catalog/catalog.ts";
import { CatalogIndex } from "../catalog/catalog-index.ts";
import { typeName } from "../catalog/type-names.ts";
import { serves } from "./types.ts";

/** What holds or shows rows. */
const WITH_ROWS: ReadonlySet<RelationKind> = new Set(["table", "view", "materialized view", "foreign table"]);
/** PostgreSQL's own: nobody who writes `*.*.id` means them. */
const OWN_SCHEMAS: ReadonlySet<string> = new Set(["pg_catalog", "information_schema"]);

interface Found {
  readonly relation: Relation;
  readonly column: Column;
}

/**
 * What of these masks does not fit a database: a column that there is not, or a transform that can't be put on a
 * column's type. One for each pattern and type.
 */
export function misfits(masks: readonly Mask[], catalog: CatalogData): readonly Misfit[] {
  const index = new CatalogIndex(catalog);
  return masks.flatMap((mask) =>
    mask.columns.flatMap((pattern): Misfit[] => {
      const found = meantBy(pattern, catalog);
      const of = { rule: mask.rule, column: pattern };
      if (found.length === 0) {
        const message = `there is no column ${pattern}: nothing is hidden by it${nearestTo(pattern, catalog)}`;
        return [{ severity: "warning", ...of, message }];
      }
      const named = pattern.includes("*")
        ? found.filter(({ relation }) => !OWN_SCHEMAS.has(relation.schema))
        : found;
      const byType = Map.groupBy(named, ({ column }) => index.typeBelow(column.type));
      return [...byType]
        .filter(([type]) => !serves(mask.with, type))
        .map(([type, columns]) => ({
          severity: "error",
          ...of,
          message: unserved(mask.with, pattern, columns, typeName(type, catalog)),
        }));
    }),
  );
}

function meantBy(written: string, { relations }: CatalogData): Found[] {
  const pattern = columnPattern(written);
  if (pattern === undefined) return [];
  return relations
    .filter(({ kind, schema, name }) => WITH_ROWS.has(kind) && pattern.schema(schema) && pattern.table(name))
    .flatMap((relation) =>
      relation.columns
        .filter(({ name }) => pattern.column(name))
        .map((column): Found => ({ relation, column })),
    );
}

/** Names both: the transform and the type, and the first column that it is about. */
function unserved(
  transform: Transform,
  pattern: string,
  [first, ...more]: readonly Found[],
  type: string,
): string {
  const name = first ? dotted([first.relation.schema, first.relation.name, first.column.name]) : pattern;
  const column = name === pattern ? name : `${name} (${pattern})`;
  const others = more.length > 0 ? `, nor ${more.length} more of its kind` : "";
  const what = transform.kind === "constant" ? "this constant" : `\`${transform.kind}\``;
  return `${what} can't be put on ${column}, whose type is ${type}${others}; write redact or "null" for it`;
}

/** A table of the same schema, or a column of the same table, whose name is almost the same. */
function nearestTo(pattern: string, { relations }: CatalogData): string {
  const [schema, table = "", column = ""] = partsOf(pattern) ?? [];
  if (pattern.includes("*")) return "";
  const beside = relations.filter((one) => one.schema === schema && WITH_ROWS.has(one.kind));
  const columns = beside.find(({ name }) => name === table)?.columns;
  return columns
    ? didYouMean(
        column,
        columns.map(({ name }) => name),
      )
    : didYouMean(
        table,
        beside.map(({ name }) => name),
      );
}
