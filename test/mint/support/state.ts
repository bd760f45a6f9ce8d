import type pg from "pg";

/* What is at a server, as its superuser sees it: nothing here asks the gateway. */

/** Runs one statement in a database, on a connection of its own: the server may have crashed in between. */
export type Ask = <Row extends pg.QueryResultRow>(
  sql: string,
  options?: { readonly database?: string; readonly values?: readonly unknown[] },
) => Promise<Row[]>;

export const MARKER = "gatehouse_minted";

/** What minting has left, or has there now. */
export interface MintState {
  /** Roles with the mark that can log in. */
  readonly canLogIn: readonly string[];
  /** Roles with the mark that are users, those that are made ready among them. */
  readonly users: readonly string[];
  /** Those of them that sessions have, or had. */
  readonly taken: readonly string[];
  /** Roles with the mark that are none: they carry what a level may do. */
  readonly carriers: readonly string[];
  /** Roles that can log in, and have neither the mark nor were there from the beginning. */
  readonly strangers: readonly string[];
  /** What is owned by roles that are not there, or refers to them: `database: kind object`. */
  readonly orphans: readonly string[];
  /** What a user of ours owns, or the mark itself: `user: database kind`. */
  readonly owned: readonly string[];
  /** Connections of users of ours. */
  readonly connections: number;
  /** Prepared transactions of anybody. */
  readonly prepared: readonly string[];
}

const STATE = `select
  coalesce((select array_agg(m.rolname::text order by m.rolname) from marked m where m.rolcanlogin), '{}') as "canLogIn",
  coalesce((select array_agg(m.rolname::text order by m.rolname) from marked m where m.rolname ~ '^gh_'), '{}') as users,
  coalesce((select array_agg(m.rolname::text order by m.rolname) from marked m
    where m.rolname ~ '^gh_' and m.rolname !~ '^gh_[^_]+_ready_'), '{}') as taken,
  coalesce((select array_agg(m.rolname::text order by m.rolname) from marked m where m.rolname !~ '^gh_'), '{}') as carriers,
  coalesce((select array_agg(r.rolname::text order by r.rolname) from pg_catalog.pg_roles r
    where r.rolcanlogin and r.oid not in (select oid from marked) and r.rolname <> all ($1)), '{}') as strangers,
  coalesce((select array_agg(pg_catalog.format('%s: %s %s', coalesce(d.datname, 'shared'), s.classid::pg_catalog.regclass, s.objid))
    from pg_catalog.pg_shdepend s left join pg_catalog.pg_database d on d.oid = s.dbid
    where s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
      and not exists (select from pg_catalog.pg_authid a where a.oid = s.refobjid)), '{}') as orphans,
  coalesce((select array_agg(pg_catalog.format('%s: %s %s', m.rolname, d.datname, s.classid::pg_catalog.regclass))
    from pg_catalog.pg_shdepend s join (select oid, rolname from marked
      union select oid, rolname from pg_catalog.pg_roles where rolname = '${MARKER}') m on m.oid = s.refobjid left join pg_catalog.pg_database d on d.oid = s.dbid
    where s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass and s.deptype = 'o'), '{}') as owned,
  (select count(*)::int from pg_catalog.pg_stat_activity a where a.usesysid in (select oid from marked)) as connections,
  coalesce((select array_agg(p.gid order by p.gid) from pg_catalog.pg_prepared_xacts p), '{}') as prepared`;

/** @param known roles that could log in before there was a gateway: the administrator is a member of the mark, too */
export async function stateOf(ask: Ask, known: readonly string[]): Promise<MintState> {
  const [state] = await ask<MintState & pg.QueryResultRow>(
    `with marked as (
       select r.* from pg_catalog.pg_roles r
       where r.rolname <> all ($1) and exists (select from pg_catalog.pg_auth_members a join pg_catalog.pg_roles g on g.oid = a.roleid
         where a.member = r.oid and g.rolname = '${MARKER}'))
     ${STATE}`,
    { values: [known] },
  );
  if (!state) throw new Error("The server has no state.");
  return state;
}

/** What stays when the last session has ended and the gateway, too: nothing, but for roles that carry a level's rights. */
export function leftovers(state: MintState): string[] {
  return [
    ...state.canLogIn.map((name) => `${name} can log in`),
    ...state.taken.map((name) => `${name} is there`),
    ...state.strangers.map((name) => `${name} can log in, and has no mark`),
    ...state.orphans.map((what) => `an owner is gone: ${what}`),
    ...state.owned.map((what) => `owned: ${what}`),
    ...state.prepared.map((gid) => `prepared: ${gid}`),
    ...(state.connections > 0 ? [`${state.connections} connections`] : []),
  ];
}

/** All that there is of each role without the mark, by its name. */
export type Roles = ReadonlyMap<string, string>;

const ROLES = `select r.rolname::text as name, pg_catalog.jsonb_build_object(
    'role', pg_catalog.to_jsonb(r),
    'settings', (select pg_catalog.jsonb_agg(pg_catalog.to_jsonb(s) order by s.setdatabase) from pg_catalog.pg_db_role_setting s
      where s.setrole = r.oid),
    'comment', pg_catalog.shobj_description(r.oid, 'pg_authid'),
    'member of', (select pg_catalog.jsonb_agg(pg_catalog.to_jsonb(m) order by m.roleid, m.grantor) from pg_catalog.pg_auth_members m
      where m.member = r.oid and m.roleid not in (select oid from ours)))::text as description
  from pg_catalog.pg_authid r where r.oid not in (select oid from ours)`;

/** To be compared with what they are later: none of them is the gateway's to touch. */
export async function rolesWithoutMark(ask: Ask): Promise<Roles> {
  const rows = await ask<{ name: string; description: string }>(
    `with ours as (
       select g.oid from pg_catalog.pg_authid g where g.rolname = '${MARKER}'
       union select a.member from pg_catalog.pg_auth_members a join pg_catalog.pg_authid g on g.oid = a.roleid
         where g.rolname = '${MARKER}' and a.member not in (select oid from pg_catalog.pg_authid where rolcreaterole))
     ${ROLES}`,
  );
  return new Map(rows.map(({ name, description }) => [name, description]));
}

/** The differences, in words; none where all is as it was. */
export function changes(before: Roles, after: Roles): string[] {
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names].flatMap((name) => {
    const [was, is] = [before.get(name), after.get(name)];
    return was === is ? [] : [`${name}: ${was ?? "nothing"} -> ${is ?? "nothing"}`];
  });
}

/** How large the catalogs are that roles are in. */
export interface CatalogSize {
  readonly catalog:
    | "pg_authid"
    | "pg_auth_members"
    | "pg_shdepend"
    | "pg_db_role_setting"
    | "pg_shdescription";
  readonly rows: number;
  /** With indexes. */
  readonly bytes: number;
}

export async function catalogSizes(ask: Ask): Promise<CatalogSize[]> {
  const names = ["pg_authid", "pg_auth_members", "pg_shdepend", "pg_db_role_setting", "pg_shdescription"];
  const each = names.map(
    (name) =>
      `select '${name}' as catalog, (select count(*)::int from pg_catalog.${name}) as rows,
         pg_catalog.pg_total_relation_size('pg_catalog.${name}')::int as bytes`,
  );
  return ask<CatalogSize & pg.QueryResultRow>(each.join(" union all "));
}
