import type { CatalogIndex } from "../catalog/catalog-index.ts";
import { accessOfFunction, isUserFunction } from "./builtins.ts";
import type { Findings } from "./findings.ts";
import { type Names, withoutDatabase } from "./names.ts";
import { asList, asNode, type Node, namesIn } from "./node.ts";
import { operatorsIn } from "./operators.ts";

/** Beside columns: what has a type's name in it, and makes a value of it. */
const MAKES_VALUES: ReadonlySet<string> = new Set([
  ...["JsonOutput", "output", "JsonTableColumn", "RangeTableFuncCol", "TypeCast", "XmlSerialize"],
]);

/** What runs where an expression is computed: functions, and by way of operators, types and fields. */
export class Expressions {
  readonly #names: Names;
  readonly #catalog: CatalogIndex | undefined;
  readonly #findings: () => Findings;

  /** @param findings where what is found goes at the moment */
  constructor(names: Names, catalog: CatalogIndex | undefined, findings: () => Findings) {
    this.#names = names;
    this.#catalog = catalog;
    this.#findings = findings;
  }

  /** What a node means by itself, and not by those below it. @param key its name in the grammar */
  node(key: string, body: Node): void {
    for (const operator of operatorsIn(key, body)) this.#operator(operator);
    if (MAKES_VALUES.has(key)) this.cast(body["typeName"]);
    if (key === "RangeFunction" || key === "AlterTableCmd") this.#columns(body);
    if (key === "ColumnDef") this.#definesColumn(body["typeName"]);
    if (key === "ColumnRef") this.#field(body["fields"]);
    if (key === "ParamRef") this.#findings().parameters();
    if (key === "RangeTableSample") this.called(namesIn({ List: { items: body["method"] } }));
    if (key === "A_Indirection") this.#attributes(body["indirection"]);
  }

  /** A function, by the name that a call or something like one has. */
  called(given: readonly string[]): void {
    const names = withoutDatabase(given);
    const meant = this.#names.functions(names);
    this.#findings().calls(meant);
    const schema = names.length > 1 ? names[0] : undefined;
    const name = names.at(-1) ?? "";
    if (this.#names.hides(names)) this.#findings().widen("unknown");
    else if (isUserFunction(schema, name)) {
      this.#findings().callsUserFunctions(meant.filter((one) => this.#catalog?.ofServer(one) !== true));
      // Or a cast to a type of that name.
      const { ids } = this.#names.typesNamed(names);
      if (ids.length > 0) this.#findings().casts(ids);
    } else {
      this.#findings().widen(accessOfFunction(schema, name));
      // Others of the same name, for other types.
      this.#findings().runs(meant.filter((one) => (this.#catalog?.routinesNamed(one).length ?? 0) > 0));
    }
  }

  /** Columns that a function in FROM gives, or that a table gets: of what types, stands there. */
  #columns(body: Node): void {
    for (const definition of [...asList(body["coldeflist"]), body["def"]]) {
      const column = asNode(asNode(definition)?.["ColumnDef"]);
      if (column?.["typeName"] !== undefined) this.cast(column["typeName"]);
    }
  }

  /** What is put into a column runs the checks of its type, which no catalog shows while the column is new. */
  #definesColumn(typeName: unknown): void {
    const { ids } = this.#names.types(typeName);
    if (this.#catalog?.isChecked(ids) === true) this.#findings().defines();
  }

  /** `t.name` reads a column of t, or calls a function `name` with its row. */
  #field(fields: unknown): void {
    const names = asList(fields).flatMap(namesIn);
    const last = names.at(-1);
    if (names.length > 1 && last !== undefined) this.#findings().attributes(this.#names.made(last));
  }

  /** `(x).name` reads a field of x, or calls a function `name` with it, where there may be one. */
  #attributes(indirection: unknown): void {
    for (const step of asList(indirection)) {
      const names = namesIn(step);
      if (names.length > 0 && this.#names.mayCall(names)) this.called(names);
    }
  }

  /** `a OPERATOR(public.+) b` calls whatever function somebody has put behind that name. */
  #operator(given: readonly string[]): void {
    const { names, functions, unknown } = this.#names.operators(given);
    this.#findings().calls(names);
    this.#findings().runs(functions);
    if (unknown) this.#findings().widen("unknown");
  }

  /** A type of somebody's own may run code to make a value; one that hides PostgreSQL's is not seen to be their own. */
  cast(typeName: unknown): void {
    const { ids, hidden } = this.#names.types(typeName);
    this.#findings().casts(ids);
    if (hidden) this.#findings().widen("unknown");
  }
}
