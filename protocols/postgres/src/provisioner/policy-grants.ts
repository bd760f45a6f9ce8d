import { setImmediate } from "node:timers/promises";
import type { Access, FactValue, PartialFacts } from "@gatehouse/core";
import { dotted } from "../analysis/search-path.ts";
import type { ObjectRelation, ObjectRoutine, Objects } from "./objects.ts";
import { quoteIdentifier } from "./statement.ts";

/** Whether the policies could ever allow a statement with these facts, which runs these functions of somebody's own. */
export type Could = (facts: PartialFacts, userFunctions?: readonly string[]) => boolean;

/** Privileges on one object, as GRANT takes them. */
export interface PolicyGrant {
  /** `SELECT`, `UPDATE ("id", "name")`. */
  readonly privileges: readonly string[];
  /** `TABLE "public"."orders"`. */
  readonly on: string;
  /** Object id: what is dropped and made anew under its old name has none of its grants. */
  readonly id: number;
}

/** Something that the policies could allow, and that this administrator may not grant. */
export interface Withheld {
  readonly privileges: readonly string[];
  /** `table public.orders`. */
  readonly what: string;
  readonly owner: string;
}

export interface PolicyGrants {
  /** In a fixed order. */
  readonly grants: readonly PolicyGrant[];
  readonly withheld: readonly Withheld[];
  /** The policies could allow what PostgreSQL lets nobody but owners do. */
  readonly definitions: boolean;
}

/** Milliseconds after which others have their turn. */
const TURN = 5;

/** What changes something. */
const CHANGING = among("write", "ddl", "admin", "unknown");
const TABLE_KINDS: Readonly<Record<string, string>> = {
  r: "table",
  p: "table",
  v: "view",
  m: "materialized view",
  f: "foreign table",
};
/** What every table has beside its own columns; of views, nobody can be granted any. */
const SYSTEM_COLUMNS = ["tableoid", "ctid", "xmin", "cmin", "xmax", "cmax"];

/**
 * The least privileges with which PostgreSQL refuses nothing that the policies could allow: by what whoever runs a statement
 * needs himself. What views, foreign keys and functions with their owners' rights do, their owners need.
 * @param seesBehind statements are understood by what the database has: what they read through views is among their facts
 */
export function policyGrants(objects: Objects, could: Could, seesBehind: boolean): Promise<PolicyGrants> {
  return new Granting(objects, could, seesBehind).run();
}

class Granting {
  readonly #objects: Objects;
  readonly #could: Could;
  readonly #seesBehind: boolean;
  readonly #relations: ReadonlyMap<number, ObjectRelation>;
  /** Those that somebody can need without naming them: with his own rights, row policies and some views read them. */
  readonly #unnamed: ReadonlySet<number>;
  readonly #opaque: Opaque;
  readonly #grants: PolicyGrant[] = [];
  readonly #withheld: Withheld[] = [];
  readonly #schemas = new Set<string>();

  constructor(objects: Objects, could: Could, seesBehind: boolean) {
    this.#objects = objects;
    this.#could = could;
    this.#seesBehind = seesBehind;
    this.#relations = new Map(objects.relations.map((relation) => [relation.id, relation]));
    this.#unnamed = new Set([
      ...objects.policyReads,
      ...objects.relations.flatMap(({ asCaller }) => asCaller),
    ]);
    this.#opaque = opaqueOf(objects, could);
  }

  async run(): Promise<PolicyGrants> {
    const drawing = new Set<number>();
    let turn = performance.now();
    for (const relation of this.#objects.relations) {
      if (relation.kind === "S") continue;
      // There may be thousands, and sessions do not wait for them.
      if (performance.now() - turn > TURN) {
        await setImmediate();
        turn = performance.now();
      }
      if (this.#relation(relation)) for (const sequence of relation.sequences) drawing.add(sequence);
    }
    for (const relation of this.#objects.relations) {
      if (relation.kind === "S") this.#sequence(relation, drawing.has(relation.id));
    }
    for (const routine of this.#objects.routines) this.#routine(routine);
    for (const schema of this.#objects.schemas) {
      if (this.#schemas.has(schema.name)) this.#grant(["USAGE"], "schema", [schema.name], schema);
    }
    const { database } = this.#objects;
    this.#grant(["CONNECT"], "database", [database.name], database);
    const definitions = this.#could({ access: among("ddl") });
    return { grants: this.#grants, withheld: this.#withheld, definitions };
  }

  /** @returns whether rows may be added to it, or get new values */
  #relation(relation: ObjectRelation): boolean {
    const { kind } = relation;
    const privileges = [this.#select(relation)];
    if (kind !== "m") {
      privileges.push(this.#change(relation, "INSERT", ["INSERT", "COPY"]));
      privileges.push(this.#change(relation, "UPDATE", ["UPDATE"]) ?? this.#rowLock(relation));
      if (this.#changes(relation, { verbs: includes("DELETE") })) privileges.push("DELETE");
      if (kind !== "v" && this.#changes(relation, { verbs: includes("TRUNCATE"), unfiltered: among(true) })) {
        privileges.push("TRUNCATE");
      }
      const whole = new Set(privileges);
      if (!["UPDATE", "DELETE", "TRUNCATE"].some((one) => whole.has(one)))
        privileges.push(this.#tableLock(relation));
    }
    const wanted = privileges.filter((privilege) => privilege !== undefined);
    this.#onRelation(wanted, TABLE_KINDS[kind] ?? "table", relation);
    return wanted.some((privilege) => /^(INSERT|UPDATE)/.test(privilege));
  }

  #select(relation: ObjectRelation): string | undefined {
    if (this.#opaque.reads) return "SELECT";
    const facts = { ...this.#naming(relation), reads: includes(nameOf(relation), ...this.#behind(relation)) };
    const columns = this.#columns(relation, facts);
    if (columns === undefined || columns === "all") return columns && "SELECT";
    return ofColumns("SELECT", [...columns, ...(relation.kind === "v" ? [] : SYSTEM_COLUMNS)]);
  }

  #change(relation: ObjectRelation, privilege: string, verbs: readonly string[]): string | undefined {
    if (this.#opaque.writes) return privilege;
    const found = verbs.map((verb) =>
      this.#columns(relation, this.#changing(relation, { verbs: includes(verb) })),
    );
    if (found.includes("all")) return privilege;
    const columns = new Set(found.flatMap((names) => names ?? []));
    return columns.size === 0
      ? undefined
      : ofColumns(
          privilege,
          relation.columns.filter((name) => columns.has(name)),
        );
  }

  /** To lock rows, one has to be allowed to update some column; which, PostgreSQL does not ask. */
  #rowLock(relation: ObjectRelation): string | undefined {
    const facts = { reads: includes(nameOf(relation)), locks: includes("ROW SHARE") };
    const column = relation.key ?? relation.columns[0];
    return column !== undefined && this.#changes(relation, facts) ? ofColumns("UPDATE", [column]) : undefined;
  }

  #tableLock(relation: ObjectRelation): string | undefined {
    if (!this.#changes(relation, { verbs: includes("LOCK") })) return undefined;
    // Before there is MAINTAIN, only who may change all of a table may lock it.
    return this.#objects.version >= 170_000 ? "MAINTAIN" : "UPDATE";
  }

  #sequence(sequence: ObjectRelation, drawn: boolean): void {
    const { reads, writes } = this.#opaque;
    // Which sequence is meant stands in a value.
    const calls = (name: string) =>
      this.#could({ access: CHANGING, functions: includes(`pg_catalog.${name}`) });
    // Where the session stands in it, SELECT is enough to see.
    const selects =
      reads ||
      this.#could({ ...this.#naming(sequence), reads: includes(nameOf(sequence)) }) ||
      ["currval", "lastval"].some((name) => this.#could({ functions: includes(`pg_catalog.${name}`) }));
    const privileges = [
      ...(drawn || writes || calls("nextval") ? ["USAGE"] : []),
      ...(selects ? ["SELECT"] : []),
      ...(writes || calls("setval") ? ["UPDATE"] : []),
    ];
    this.#onRelation(privileges, "sequence", sequence);
  }

  #routine(routine: ObjectRoutine): void {
    if (routine.open) return;
    const name = nameOf(routine);
    // It may run behind an operator or a cast of any statement, and is not among that one's functions.
    const wanted = isHarmless(routine) ? this.#could({}) : this.#could({ functions: includes(name) }, [name]);
    if (!wanted && !this.#opaque.reads) return;
    this.#schemas.add(routine.schema);
    const { id, grantable, owner, signature } = routine;
    if (grantable) this.#grants.push({ privileges: ["EXECUTE"], on: `ROUTINE ${signature}`, id });
    else this.#withheld.push({ privileges: ["EXECUTE"], what: `function ${signature}`, owner });
  }

  #changes(relation: ObjectRelation, facts: PartialFacts): boolean {
    return this.#opaque.writes || this.#could(this.#changing(relation, facts));
  }

  #changing(relation: ObjectRelation, facts: PartialFacts): PartialFacts {
    return { ...this.#naming(relation), access: CHANGING, writes: includes(nameOf(relation)), ...facts };
  }

  /** @returns the columns that statements with these facts could be about; undefined where there are no such statements */
  #columns(relation: ObjectRelation, facts: PartialFacts): "all" | readonly string[] | undefined {
    const factsOf = (names: readonly string[]) => ({
      ...facts,
      columns: includes(...names.map((name) => dotted([relation.schema, relation.name, name]))),
    });
    const { columns } = relation;
    if (!this.#could(facts)) return undefined;
    // What is possible with several is with each of them.
    const possible = (names: readonly string[]): readonly string[] => {
      if (this.#could(factsOf(names))) return names;
      if (names.length < 2) return [];
      const middle = Math.ceil(names.length / 2);
      return [...possible(names.slice(0, middle)), ...possible(names.slice(middle))];
    };
    const found = possible(columns);
    if (found.length === columns.length) return "all";
    return found.length > 0 ? found : undefined;
  }

  #naming(relation: ObjectRelation): PartialFacts {
    return this.#unnamed.has(relation.id) ? {} : { named: includes(nameOf(relation)) };
  }

  /** What is read through a view, whatever is asked of it. */
  #behind(relation: ObjectRelation): readonly string[] {
    if (!this.#seesBehind) return [];
    const found = new Set(relation.reads);
    for (const id of found) for (const more of this.#relations.get(id)?.reads ?? []) found.add(more);
    return [...found].flatMap((id) => this.#relations.get(id) ?? []).map(nameOf);
  }

  #onRelation(privileges: readonly string[], kind: string, relation: ObjectRelation): void {
    if (privileges.length > 0) this.#schemas.add(relation.schema);
    this.#grant(privileges, kind, [relation.schema, relation.name], relation);
  }

  #grant(
    privileges: readonly string[],
    kind: string,
    name: readonly string[],
    { id, open, grantable, owner }: Omit<Objects["database"], "name">,
  ): void {
    const wanted = privileges.filter((privilege) => !open.includes(privilege));
    const mayGrant = (privilege: string) => grantable.includes(privilege.replace(/ .*$/s, ""));
    const granted = wanted.filter(mayGrant);
    const withheld = wanted.filter((privilege) => !mayGrant(privilege));
    const clause =
      kind === "schema" || kind === "database" || kind === "sequence" ? kind.toUpperCase() : "TABLE";
    const on = `${clause} ${name.map(quoteIdentifier).join(".")}`;
    if (granted.length > 0) this.#grants.push({ privileges: granted, on, id });
    if (withheld.length > 0)
      this.#withheld.push({ privileges: withheld, what: `${kind} ${dotted(name)}`, owner });
  }
}

/** What statements could do that nobody can tell from their text: with the rights of whoever runs them. */
interface Opaque {
  readonly reads: boolean;
  readonly writes: boolean;
}

function opaqueOf({ routines, builtins }: Objects, could: Could): Opaque {
  const unknown = among("unknown");
  const unknowable =
    could({ access: unknown }) &&
    (could({ access: unknown, functions: among([]) }) ||
      builtins.some((name) => could({ access: unknown, functions: includes(dotted(["pg_catalog", name])) })));
  if (unknowable) return { reads: true, writes: true };
  let reads = false;
  let writes = false;
  for (const routine of routines) {
    // What looks something up is not immutable, and what changes something neither that nor stable (CREATE FUNCTION).
    if (routine.definer || routine.volatility === "immutable") continue;
    const name = nameOf(routine);
    const runs = (...accesses: Access[]) =>
      could({ access: among(...accesses), functions: includes(name) }, [name]);
    const asRead = runs("read");
    const asChange = !asRead && runs("write", "ddl", "admin");
    const asUnknown = runs("unknown");
    if (asRead || asChange || asUnknown) reads = true;
    if ((asChange || asUnknown) && routine.volatility === "volatile") writes = true;
  }
  return { reads, writes };
}

/** As the analysis has it (catalog-index.ts): only a superuser can have made it, and it changes nothing. */
function isHarmless({ language, volatility }: ObjectRoutine): boolean {
  return (language === "c" || language === "internal") && volatility !== "volatile";
}

function nameOf({ schema, name }: { readonly schema: string; readonly name: string }): string {
  return dotted([schema, name]);
}

function ofColumns(privilege: string, names: readonly string[]): string {
  return `${privilege} (${names.map(quoteIdentifier).join(", ")})`;
}

function includes(...names: readonly string[]): PartialFacts[string] {
  return { includes: names };
}

function among(...values: readonly FactValue[]): PartialFacts[string] {
  return { among: values };
}
