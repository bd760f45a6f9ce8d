/** The same numbers each time for the same seed (mulberry32), so that a statement that fails can be had again. */
function numbersFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** What a part of FROM is called, and its columns. */
interface Part {
  readonly sql: string;
  readonly name: string;
  readonly columns: readonly string[];
}

const TABLES: readonly (readonly [string, readonly string[]])[] = [
  ["customers", ["id", "name", "email", "tags", "doc"]],
  ["orders", ["id", "customer_id", "status", "total"]],
  ["copies", ["a", "b"]],
  ["contacts", ["id", "name", "contact"]],
  ["kept", ["id", "contact"]],
  ["events", ["id", "at", "email"]],
  ["people", ["id", "email", "low", "city"]],
];

/** A query of some size, as the numbers fall: joins, aliases, stars, WITH, set operations. Some are none that a server takes. */
export function generatedQuery(seed: number): string {
  const pick = numbersFrom(seed);
  let names = 0;
  const one = <Item>(of: readonly [Item, ...Item[]]): Item => of[pick(of.length)] ?? of[0];
  const chance = (percent: number) => pick(100) < percent;
  const fresh = () => `t${++names}`;
  const withNames: Part[] = [];

  function table(): Part {
    const [name, columns] = TABLES[pick(TABLES.length)] ?? ["customers", ["id"]];
    if (chance(40)) return { sql: name, name, columns };
    const alias = fresh();
    if (chance(60)) return { sql: `${name} ${alias}`, name: alias, columns };
    const [first = "id", ...others] = columns;
    const renamed = `${first}_${alias}`;
    return { sql: `${name} AS ${alias} (${renamed})`, name: alias, columns: [renamed, ...others] };
  }

  function part(depth: number): Part {
    const cte = withNames[pick(withNames.length || 1)];
    if (cte && chance(40)) return { ...cte, sql: cte.name };
    if (depth === 0 || chance(60)) return table();
    const alias = fresh();
    if (chance(20)) {
      return { sql: `(VALUES (1, 'x'), (2, 'y')) ${alias} (v, w)`, name: alias, columns: ["v", "w"] };
    }
    if (chance(20)) {
      return { sql: `generate_series(1, 3) ${alias}`, name: alias, columns: [alias] };
    }
    return { sql: `(${query(depth - 1)}) ${alias}`, name: alias, columns: ["id", "email"] };
  }

  function from(depth: number): readonly [string, readonly Part[]] {
    const parts = [part(depth)];
    let sql = parts[0]?.sql ?? "";
    for (let i = pick(3); i > 0; i--) {
      const next = part(depth);
      parts.push(next);
      const kind = one(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"] as const);
      if (chance(25)) sql = `${sql} NATURAL ${kind} ${next.sql}`;
      else if (chance(35)) sql = `${sql} ${kind} ${next.sql} USING (id)${chance(30) ? ` AS ${fresh()}` : ""}`;
      else if (chance(40)) sql = `${sql} ${kind} ${next.sql} ON true`;
      else if (chance(30)) sql = `${sql}, LATERAL (SELECT ${parts[0]?.name ?? ""}.*) ${fresh()}`;
      else sql = `${sql}, ${next.sql}`;
    }
    return [sql, parts];
  }

  function target(parts: readonly Part[], depth: number): string {
    const { name = "", columns = [] } = parts[pick(parts.length)] ?? {};
    const column = columns[pick(columns.length || 1)] ?? "id";
    switch (pick(10)) {
      case 0:
        return "*";
      case 1:
        return `${name}.*`;
      case 2:
        return column;
      case 3:
        return `${name}.${column} AS ${fresh()}`;
      case 4:
        return one([
          `${name}.${column}::text`,
          `count(*) OVER ()`,
          `upper(${name}.${column}::text)`,
          `(${name}).*`,
        ]);
      case 5:
        return one([
          `CASE WHEN true THEN ${name}.${column} END`,
          `coalesce(${name}.${column})`,
          `(${name}).${column}`,
        ]);
      case 6:
        return depth === 0 ? name : `(SELECT id FROM (${query(depth - 1)}) s LIMIT 1)`;
      default:
        return `${name}.${column}`;
    }
  }

  function query(depth: number): string {
    if (depth > 0 && chance(20)) {
      const listed = () => one(["id, email", "id, name AS email"] as const);
      const operator = one(["UNION", "UNION ALL", "EXCEPT", "INTERSECT ALL"] as const);
      return `SELECT ${listed()} FROM customers ${operator} SELECT id, email FROM people ORDER BY 1`;
    }
    const [sql, parts] = from(depth);
    const targets = Array.from({ length: 1 + pick(4) }, () => target(parts, depth));
    return `SELECT ${targets.join(", ")} FROM ${sql}`;
  }

  const ctes: string[] = [];
  for (let i = pick(3); i > 0; i--) {
    const name = fresh();
    ctes.push(`${name}${chance(30) ? " (id)" : ""} AS (${query(1)})`);
    withNames.push({ sql: name, name, columns: ["id", "email"] });
  }
  const body = query(2);
  return ctes.length > 0 ? `WITH ${chance(50) ? "RECURSIVE " : ""}${ctes.join(", ")} ${body}` : body;
}
