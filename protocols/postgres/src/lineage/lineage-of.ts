import { asNode, asText, type Node } from "../analysis/node.ts";
import { dotted } from "../analysis/search-path.ts";
import type { CatalogIndex } from "../catalog/catalog-index.ts";
import { followCasts } from "./functions.ts";
import type { Lineage, OutputColumn, StatementLineage } from "./lineage.ts";
import { query, runByName, statement } from "./statements.ts";
import { type Surroundings, TooMuch, Trace } from "./trace.ts";
import { type Shape, type Sources, within } from "./values.ts";
import { Views } from "./views.ts";

/** Names of columns in one statement's lineage: each of a partitioned table's is one more. */
const MAX_NAMES = 100_000;

export interface LineageOptions {
  /** The statements of a text: PostgreSQL's parser, for the texts of views. It may throw. */
  readonly parse: (text: string) => readonly unknown[];
  /** Routines of somebody's own that may be called, as `schema.name`: what they give depends on their arguments alone. */
  readonly trusted: ReadonlySet<string>;
  /** Names that temporary relations of the session may have: they hide others of the same name. */
  readonly temporary: ReadonlySet<string>;
  /** The transaction that is open may have changed what there is, which nobody else can see until it ends. */
  readonly unsettled: boolean;
  /** Only another SET of search_path can change where names are looked for, and not the end of a transaction. */
  readonly fixed: boolean;
  /** Something runs in the text that is somebody's own: a trigger, a check. It may set the path. */
  readonly unknown: boolean;
}

/** What was found of a text, and whether it is found again by the text's shape. */
export interface Followed {
  readonly lineage: Lineage;
  /** It holds for this text, and not for one that has other literals: ORDER BY 1 is not ORDER BY 2. */
  readonly literals: boolean;
}

/**
 * Where the values of each statement come from and go to, by PostgreSQL's own rules for names. More may be listed than
 * there is, never less; what can't be followed is a gap. What stands behind the names of EXECUTE and FETCH, only the
 * session knows: it is what PREPARE and DECLARE, which give nothing themselves, have as outputs. Columns that `*` stands for
 * and nobody knows are left out where no value of the answer comes from a stored column, and are a gap elsewhere.
 *
 * @param stmts the parser's `stmts` of a text
 * @param path the schemas of search_path in order, with `$user` replaced
 */
export function lineageOf(
  stmts: readonly unknown[],
  catalog: CatalogIndex,
  path: readonly string[],
  options: LineageOptions,
): Followed {
  const { trusted, temporary, unsettled, fixed, unknown } = options;
  const views = viewsOf(catalog, options);
  let doubt = { catalog: unsettled, path: false };
  let literals = false;
  const lineage = stmts.map((raw) => {
    const [[kind, value] = ["", undefined]] = Object.entries(asNode(asNode(raw)?.["stmt"]) ?? {});
    const body = asNode(value) ?? {};
    const viewOf: Surroundings["viewOf"] = (relation) => views.lineageOf(relation);
    const trace = new Trace({ catalog, path, trusted, temporary, doubt, viewOf }, query);
    const byName = kind === "ExecuteStmt" || kind === "FetchStmt";
    const found: StatementLineage = byName
      ? { ...followed(() => runByName(body, trace), trace), byName }
      : followed(() => statement(kind, body, trace), trace);
    literals ||= trace.literals;
    doubt = {
      catalog: doubt.catalog || changesCatalog(kind, body),
      path: doubt.path || unknown || trace.sets || changesPath(kind, body, fixed),
    };
    return found;
  });
  return { lineage, literals };
}

function followed(look: () => Shape | undefined, trace: Trace): StatementLineage {
  try {
    const shape = look();
    followCasts(trace);
    return finished(shape, trace);
  } catch (error) {
    if (!(error instanceof TooMuch)) throw error;
    return {
      predicates: [],
      reads: [],
      writes: [],
      flows: [],
      gaps: ["a statement too large to be followed"],
    };
  }
}

function finished(shape: Shape | undefined, trace: Trace): StatementLineage {
  let left = MAX_NAMES;
  const names = (sources: Sources): readonly string[] => {
    const all = new Set<string>();
    for (const source of sources) {
      left -= source.names.length;
      if (left < 0) throw new TooMuch();
      for (const name of source.names) all.add(name);
    }
    return [...all].sort();
  };
  const reads = trace.union([trace.reads, trace.predicates]);
  for (const source of reads) {
    const { schema, name } = source.relation;
    if (source.holdsOthers) trace.gap(`${dotted([schema, name])}, which holds values of other columns`);
  }
  if (shape?.rest && trace.all(shape).size > 0)
    trace.gap("*, where not all columns that it stands for are known");
  const outputs = shape?.fields.map(
    ({ name, value }): OutputColumn => ({
      name,
      from: names(value.sources),
      exact: value.exact,
      ...(value.type === undefined ? {} : { type: trace.surroundings.catalog.typeBelow(value.type) }),
      ...(value.origins === undefined ? {} : { origins: value.origins }),
    }),
  );
  return {
    ...(outputs ? { outputs } : {}),
    predicates: names(trace.predicates),
    ...(trace.failing.size > 0 ? { failing: names(trace.failing) } : {}),
    reads: names(reads),
    ...(within(trace.computed, reads) ? {} : { computed: names(trace.computed) }),
    writes: names(trace.writes),
    flows: [...trace.flows].map(([to, from]) => ({ from: names(from), to })),
    ...(trace.triggers ? { triggers: true } : {}),
    gaps: [...trace.gaps],
  };
}

/** Statements behind which the catalog is as it was. */
const KEEPS_CATALOG: ReadonlySet<string> = new Set([
  ...["SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "TruncateStmt", "CopyStmt"],
  ...["ExplainStmt", "PrepareStmt", "ExecuteStmt", "DeallocateStmt", "DeclareCursorStmt", "FetchStmt"],
  ...[
    "ClosePortalStmt",
    "VariableSetStmt",
    "VariableShowStmt",
    "ConstraintsSetStmt",
    "LockStmt",
    "ListenStmt",
  ],
  ...["UnlistenStmt", "NotifyStmt", "TransactionStmt", "VacuumStmt", "CommentStmt", "CheckPointStmt"],
]);

function changesCatalog(kind: string, body: Node): boolean {
  if (kind === "ExplainStmt") {
    const [[inner, statement] = ["", undefined]] = Object.entries(asNode(body["query"]) ?? {});
    return changesCatalog(inner, asNode(statement) ?? {});
  }
  return !KEEPS_CATALOG.has(kind) || (kind === "SelectStmt" && findsInto(body));
}

function findsInto(body: Node): boolean {
  let part: Node | undefined = body;
  while (part && part["intoClause"] === undefined) part = asNode(part["larg"]);
  return part !== undefined;
}

const PATH_SETTINGS: ReadonlySet<string> = new Set(["search_path", "role", "session_authorization"]);

function changesPath(kind: string, body: Node, fixed: boolean): boolean {
  switch (kind) {
    case "TransactionStmt":
      return !fixed && /^TRANS_STMT_(COMMIT|ROLLBACK|ROLLBACK_TO|PREPARE)$/.test(asText(body["kind"]) ?? "");
    case "VariableSetStmt":
      return (
        body["kind"] === "VAR_RESET_ALL" || PATH_SETTINGS.has((asText(body["name"]) ?? "").toLowerCase())
      );
    case "DiscardStmt":
      return true;
    default:
      return false;
  }
}

const known = new WeakMap<CatalogIndex, Map<string, Views>>();

/** Views are followed once for each catalog, and for each list of trusted routines. */
function viewsOf(catalog: CatalogIndex, { parse, trusted }: LineageOptions): Views {
  const byTrusted = known.get(catalog) ?? new Map<string, Views>();
  known.set(catalog, byTrusted);
  const key = [...trusted].sort().join("\0");
  let views = byTrusted.get(key);
  if (!views) {
    views = new Views(catalog, parse, (own) => new Trace(insideViews(catalog, trusted, own), query));
    byTrusted.set(key, views);
  }
  return views;
}

function insideViews(catalog: CatalogIndex, trusted: ReadonlySet<string>, views: Views): Surroundings {
  return {
    catalog,
    path: [],
    trusted,
    temporary: new Set(),
    doubt: { catalog: false, path: false },
    viewOf: (relation) => views.lineageOf(relation),
  };
}
