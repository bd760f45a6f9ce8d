import { asList, asNode, asText, type Node, namesIn } from "../analysis/node.ts";

const NAMELESS = "?column?";

/** What a column of a kind of expression is called; not its name in the grammar. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ["A_ArrayExpr", "array"],
  ["CoalesceExpr", "coalesce"],
  ["GroupingFunc", "grouping"],
  ["JsonArrayAgg", "json_arrayagg"],
  ["JsonArrayConstructor", "json_array"],
  ["JsonArrayQueryConstructor", "json_array"],
  ["JsonObjectAgg", "json_objectagg"],
  ["JsonObjectConstructor", "json_object"],
  ["JsonParseExpr", "json"],
  ["JsonScalarExpr", "json_scalar"],
  ["JsonSerializeExpr", "json_serialize"],
  ["MergeSupportFunc", "merge_action"],
  ["RowExpr", "row"],
  ["XmlSerialize", "xmlserialize"],
]);

/** By the node's `op`. */
const OPERATIONS: ReadonlyMap<string, string> = new Map([
  ["IS_GREATEST", "greatest"],
  ["IS_LEAST", "least"],
  ["IS_XMLCONCAT", "xmlconcat"],
  ["IS_XMLELEMENT", "xmlelement"],
  ["IS_XMLFOREST", "xmlforest"],
  ["IS_XMLPARSE", "xmlparse"],
  ["IS_XMLPI", "xmlpi"],
  ["IS_XMLROOT", "xmlroot"],
  ["JSON_EXISTS_OP", "json_exists"],
  ["JSON_QUERY_OP", "json_query"],
  ["JSON_VALUE_OP", "json_value"],
]);

/** How much a name counts: one that is only a type's, or CASE, gives way. */
interface Figured {
  readonly name: string;
  readonly weak: boolean;
}

/**
 * What PostgreSQL calls a column of an answer that has no name of its own (FigureColname).
 * @param firstName the name of the first column of a query that stands in the expression
 */
export function outputName(node: unknown, firstName: (query: Node) => string | undefined): string {
  return figured(node, firstName)?.name ?? NAMELESS;
}

function figured(node: unknown, firstName: (query: Node) => string | undefined): Figured | undefined {
  const strong = (name: string | undefined) => (name === undefined ? undefined : { name, weak: false });
  // Casts, CASE and subscripts hand down to the next.
  const [[kind, value] = ["", undefined]] = Object.entries(asNode(node) ?? {});
  const body = asNode(value) ?? {};
  switch (kind) {
    case "ColumnRef":
      return strong(asList(body["fields"]).flatMap(namesIn).at(-1));
    case "A_Indirection": {
      const field = asList(body["indirection"]).flatMap(namesIn).at(-1);
      return strong(field) ?? figured(body["arg"], firstName);
    }
    case "FuncCall":
      return strong(asList(body["funcname"]).flatMap(namesIn).at(-1));
    case "A_Expr":
      return body["kind"] === "AEXPR_NULLIF" ? strong("nullif") : undefined;
    case "TypeCast": {
      const inner = figured(body["arg"], firstName);
      if (inner && !inner.weak) return inner;
      const type = namesIn({ TypeName: body["typeName"] }).at(-1);
      return type === undefined ? inner : { name: type, weak: true };
    }
    case "CollateClause":
      return figured(body["arg"], firstName);
    case "CaseExpr": {
      const inner = figured(body["defresult"], firstName);
      return inner && !inner.weak ? inner : { name: "case", weak: true };
    }
    case "SubLink":
      return strong(nameOfSubLink(body, firstName));
    case "SQLValueFunction":
      return strong(valueFunctionName(asText(body["op"]) ?? ""));
    default:
      return strong(NAMES.get(kind) ?? OPERATIONS.get(asText(body["op"]) ?? ""));
  }
}

function nameOfSubLink(body: Node, firstName: (query: Node) => string | undefined): string | undefined {
  switch (body["subLinkType"]) {
    case "EXISTS_SUBLINK":
      return "exists";
    case "ARRAY_SUBLINK":
      return "array";
    case "EXPR_SUBLINK":
      return firstName(asNode(body["subselect"]) ?? {});
    default:
      return undefined;
  }
}

/** SVFOP_CURRENT_TIME_N is the name with a precision behind it. */
export function valueFunctionName(op: string): string {
  return op
    .replace(/^SVFOP_/, "")
    .replace(/_N$/, "")
    .toLowerCase();
}
