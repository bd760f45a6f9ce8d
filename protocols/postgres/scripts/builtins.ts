/**
 * Writes src/analysis/builtins.generated.json: what PostgreSQL itself brings in pg_catalog, read from the
 * embedded server, so that a name which is not on the list is known to be somebody's own.
 * Run it when the embedded server's major version changes; a test keeps the file in step.
 */
import { writeFile } from "node:fs/promises";
import { startPostgres } from "@gatehouse/testkit";
import pg from "pg";

const LISTS = `
  select
    (select json_agg(n order by n collate "C") from (
      select proname n from pg_proc where pronamespace = 'pg_catalog'::regnamespace
      group by 1 having not bool_or(provolatile = 'v')) s) as stable,
    (select json_agg(n order by n collate "C") from (
      select proname n from pg_proc where pronamespace = 'pg_catalog'::regnamespace
      group by 1 having bool_or(provolatile = 'v')) s) as volatile,
    (select json_agg(relname order by relname collate "C") from pg_class
      where relnamespace = 'pg_catalog'::regnamespace and relkind in ('r', 'v')) as relations,
    -- What gives as many rows as its arguments say.
    (select json_agg(distinct proname collate "C") from pg_proc
      where pronamespace = 'pg_catalog'::regnamespace and proretset) as sets,
    -- What gives a row if it is given one.
    (select json_agg(distinct proname collate "C") from pg_proc where pronamespace = 'pg_catalog'::regnamespace
      and prorettype in ('anyelement'::regtype, 'anycompatible'::regtype)) as polymorphic,
    -- The names of what it gives, for each of its kind that gives others.
    (select json_agg(distinct line collate "C") from (
      select concat_ws(' ', proname, names) as line, bool_or(names is not null) over (partition by proname) as named
      from pg_proc, lateral (
        select string_agg(name, ' ' order by place) as names
        from unnest(proargnames, proargmodes) with ordinality a(name, mode, place) where mode in ('o', 'b', 't')) o
      where pronamespace = 'pg_catalog'::regnamespace) s where named) as results`;

/** The generated file's text, as it should be for the embedded server. */
export async function builtinsJson(): Promise<string> {
  const server = await startPostgres();
  const client = new pg.Client({
    host: server.host,
    port: server.port,
    database: "postgres",
    ...server.superuser,
  });
  try {
    await client.connect();
    const { rows } = await client.query<Record<string, string[]>>(LISTS);
    const [lists = {}] = rows;
    // A few names a line: readable as a diff, without thousands of lines.
    const members = Object.entries(lists).map(([name, names]) => {
      const lines: string[] = [];
      for (let i = 0; i < names.length; i += 12) {
        lines.push(
          `    ${names
            .slice(i, i + 12)
            .map((n) => JSON.stringify(n))
            .join(", ")}`,
        );
      }
      return `  ${JSON.stringify(name)}: [\n${lines.join(",\n")}\n  ]`;
    });
    return `{\n${members.join(",\n")}\n}\n`;
  } finally {
    await client.end();
    await server.stop();
  }
}

if (import.meta.main) {
  await writeFile(new URL("../src/analysis/builtins.generated.json", import.meta.url), await builtinsJson());
}
