import { asText, type Node } from "../analysis/node.ts";
import { dotted } from "../analysis/search-path.ts";
import type { CatalogIndex } from "../catalog/catalog-index.ts";
import type { Relation } from "../catalog/catalog.ts";
import { cteOf, type Scope } from "./scope.ts";
import type { Trace } from "./trace.ts";
import { CLEAN, type Field, type Shape, StoredColumn, UNKNOWN_SHAPE } from "./values.ts";

/** Samples of other tables' values, which pg_stats and its like show; and what other sessions ask, with values in it. */
const OF_OTHERS =
  /^pg_statistic(_ext_data)?\.(stavalues\d|stxdmcv|stxdexpr)$|^pg_attribute\.attmissingval$|^pg_stat_activity\.query$/;

/** What a relation that is named in FROM gives. */
export interface Named {
  readonly shape: Shape;
  /** Absent for what WITH has named, and for what is not known. */
  readonly relation?: Relation;
}

/** @param range a RangeVar */
export function namedIn(range: Node, scope: Scope, trace: Trace): Named {
  const name = asText(range["relname"]) ?? "";
  const cte = range["schemaname"] === undefined ? cteOf(scope, name) : undefined;
  if (cte) return { shape: cte() };
  const relation = relationOf(range, trace);
  return relation ? { shape: shapeOf(relation, trace), relation } : { shape: UNKNOWN_SHAPE };
}

/** The relation that a RangeVar means, WITH left aside; undefined, and a gap, where that is not known. */
export function relationOf(range: Node, trace: Trace): Relation | undefined {
  const { catalog, path, temporary, doubt } = trace.surroundings;
  const name = asText(range["relname"]) ?? "";
  const schema = asText(range["schemaname"]);
  trace.looksUp();
  if (schema === undefined ? temporary.has(name) : /^pg_temp(_\d+)?$/.test(schema)) {
    trace.gap(`the temporary relation ${name}`);
    return undefined;
  }
  if (schema === undefined && doubt.path)
    trace.gap(`${name}, behind a statement that may change where it is looked for`);
  const schemas =
    schema === undefined ? (path.includes("pg_catalog") ? path : ["pg_catalog", ...path]) : [schema];
  for (const one of schemas) {
    const found = catalog.relation(one, name);
    if (found && found.kind !== "composite type") return found;
  }
  trace.gap(`${dotted(schema === undefined ? [name] : [schema, name])}, which is not in the catalog`);
  return undefined;
}

/** The columns of a relation, and for a view, what they rest on. */
export function shapeOf(relation: Relation, trace: Trace): Shape {
  const { catalog, viewOf } = trace.surroundings;
  if (relation.kind === "sequence" && relation.columns.length === 0) return sequence(relation);
  if (relation.kind !== "view" && relation.kind !== "materialized view")
    return storedShape(relation, catalog);
  const view = viewOf(relation);
  for (const gap of view.gaps) trace.gap(`${gap}, in the view ${dotted([relation.schema, relation.name])}`);
  trace.add(trace.predicates, view.predicates);
  trace.add(trace.reads, view.predicates);
  trace.add(trace.computed, view.reads);
  return view.shape;
}

function sequence({ id: relation }: Relation): Shape {
  return {
    fields: ["last_value", "log_cnt", "is_called"].map((name, i) => ({
      name,
      value: { ...CLEAN, origins: [{ relation, column: i + 1 }] },
    })),
  };
}

const stored = new WeakMap<CatalogIndex, Map<number, Shape>>();

/** The columns of a relation as they are stored. The same objects each time, so that sets of them can be compared. */
export function storedShape(relation: Relation, catalog: CatalogIndex): Shape {
  const shapes = stored.get(catalog) ?? new Map<number, Shape>();
  stored.set(catalog, shapes);
  const known = shapes.get(relation.id);
  if (known) return known;
  let found: readonly Relation[] | undefined;
  const relatives = () => (found ??= catalog.relatives(relation.id));
  const columns = new Map(
    relation.columns.map(({ number, name }) => {
      const ofOthers = relation.schema === "pg_catalog" && OF_OTHERS.test(`${relation.name}.${name}`);
      return [number, new StoredColumn(relation, name, relatives, ofOthers)];
    }),
  );
  const fields = relation.columns.flatMap(({ name, number, type, generatedFrom = [] }): readonly Field[] => {
    const below = generatedFrom.flatMap((other) => columns.get(other) ?? []);
    const own = columns.get(number);
    if (!own) return [];
    const origins = [{ relation: relation.id, column: number }];
    return [{ name, value: { sources: new Set([own, ...below]), exact: below.length === 0, type, origins } }];
  });
  const shape = { fields };
  shapes.set(relation.id, shape);
  return shape;
}
