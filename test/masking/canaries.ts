import type pg from "pg";
import type { Kind } from "./forms.ts";
import type { Canary } from "./search.ts";

/** Columns, and how they are masked: in the words of a policy. */
export interface MaskedColumns {
  readonly columns: readonly string[];
  readonly with: string;
}

/** The columns that hold canaries. */
export const masked: readonly MaskedColumns[] = [
  {
    columns: [
      ...["email", "code", "profile", "settings", "phones", "scores", "salary", "account", "balance"],
      ...["ratio", "born", "seen", "secret", "host", "vip", "ssn", "mood", "home"],
    ].map((column) => `public.people.${column}`),
    with: "redact",
  },
  { columns: ["public.people.nick"], with: "hash" },
  { columns: ["public.people.token"], with: "'null'" },
  { columns: ["public.letters.body"], with: "{ constant: withheld }" },
  { columns: ["public.badges.email", "public.visits.guest", "public.devices.serial"], with: "redact" },
  { columns: ["public.managers.title", "public.managers.bonus"], with: "redact" },
  { columns: ['public."Odd.Names"."e.mail"', 'public."Odd.Names"."quo""ted"'], with: "hash" },
  { columns: ["archive.*.email"], with: "redact" },
];

/**
 * Where the values themselves are read from, by their kind. What has too few values to be a canary (`vip`, `mood`) is
 * left out: an attempt on it says what it would show.
 */
const sources: readonly { readonly kind: Kind; readonly query: string }[] = [
  {
    kind: "text",
    query: `select unnest(array[email, nick, trim(code), profile->>'pet', settings->'pin'->>'word', ssn, (home).street] || phones)
        from people
      union all select unnest(string_to_array(body, ' ')) from letters
      union all select guest from visits
      union all select title from managers
      union all select serial from devices where serial is not null
      union all select unnest(array["e.mail", "quo""ted"]) from "Odd.Names"
      union all select email from archive.people`,
  },
  { kind: "integer", query: "select unnest(array[salary, (home).pin] || scores) from people" },
  { kind: "integer", query: "select bonus from managers" },
  { kind: "bigint", query: "select account from people" },
  { kind: "numeric", query: "select balance from people" },
  { kind: "double", query: "select ratio from people" },
  { kind: "date", query: "select to_char(born, 'YYYY-MM-DD') from people" },
  {
    kind: "timestamp",
    query: `select to_char(seen at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') from people`,
  },
  { kind: "uuid", query: "select token from people" },
  { kind: "bytes", query: "select encode(secret, 'hex') from people" },
  { kind: "address", query: "select host(host) from people" },
];

/** Every canary that the database has. */
export async function canariesIn(client: pg.Client): Promise<Canary[]> {
  const canaries: Canary[] = [];
  for (const { kind, query } of sources) {
    const { rows } = await client.query<{ value: string }>(
      `select value::text as value from (${query}) as source (value)`,
    );
    canaries.push(...rows.map(({ value }) => ({ kind, value })));
  }
  return canaries;
}
