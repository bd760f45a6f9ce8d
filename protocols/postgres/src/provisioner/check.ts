import { GatehouseError, type MintProblem } from "@gatehouse/core";
import { didYouMean } from "@gatehouse/documents";
import { z } from "zod";
import type { PostgresLevelSettings, PostgresSettings } from "../settings.ts";
import { type Administrator, type Greeting, understood } from "./administrator.ts";
import { statement } from "./statement.ts";

const MARKER = "gatehouse_minted";
/** From here on the right to make roles is no right to grant all that there are. */
const GRANTS_APART = 160_000;

const role = z.object({
  name: z.string(),
  quoted: z.string(),
  exists: z.boolean(),
  superuser: z.boolean(),
  /** The administrator has ADMIN OPTION on it. */
  admin: z.boolean(),
  /** The administrator has its rights. */
  usable: z.boolean(),
  dangers: z.array(z.object({ role: z.string(), why: z.string() })),
});
type Role = z.infer<typeof role>;

const found = z.object({
  administrator: z.object({
    name: z.string(),
    quoted: z.string(),
    createrole: z.boolean(),
    inherit: z.boolean(),
    replication: z.boolean(),
  }),
  /** Blocks of PL/pgSQL can be run. */
  code: z.boolean(),
  database: z.string(),
  connect: z.boolean(),
  roles: z.array(role),
  others: z.array(z.string()),
});

interface Findings extends z.infer<typeof found> {
  readonly server: Greeting;
}

/**
 * What keeps users of a level from being made, with the command that mends each.
 * @throws GatehouseError where the target can't be asked
 */
export async function check(
  administrator: Administrator,
  level: PostgresLevelSettings,
  { owned, requireAuth }: PostgresSettings,
): Promise<readonly MintProblem[]> {
  const heir = owned === "drop" ? undefined : owned.handOver;
  const memberOf = level.memberOf ?? [];
  const roles = JSON.stringify([...new Set([...memberOf, MARKER, ...(heir === undefined ? [] : [heir])])]);
  let server: Greeting | undefined;
  let answer: unknown;
  try {
    [answer] = await administrator.ask((reached) => {
      server = reached;
      return statement("check", reached.version, { roles });
    });
  } catch (error) {
    if (!(error instanceof GatehouseError) || error.code !== "MINT_UNPREPARED") throw error;
    return [{ message: error.message, hint: error.hint ?? "" }];
  }
  if (server === undefined) throw new TypeError("A server that was asked is known.");
  const findings = { ...understood(found, answer), server };
  const named = new Map(findings.roles.map((one) => [one.name, one]));
  const at = (name: string) => named.get(name);
  return [
    ...ofAdministrator(findings, level),
    ...ofMarker(findings, at(MARKER)),
    ...memberOf.flatMap((name) => [...ofRole(findings, at(name))]),
    ...(heir === undefined ? [] : ofHeir(findings, at(heir))),
    ...ofDatabase(findings, memberOf),
    ...(requireAuth.some((way) => way !== "md5")
      ? []
      : [
          {
            message:
              "The target's `requireAuth` lets in by MD5 alone, and users are made with SCRAM-SHA-256.",
            hint: "Add `scram-sha-256` to the target's `requireAuth`.",
          },
        ]),
  ];
}

function* ofAdministrator(
  { administrator: { name, quoted, ...has }, code, server }: Findings,
  { replication }: PostgresLevelSettings,
): Iterable<MintProblem> {
  if (server.superuser) {
    yield {
      minor: true,
      message: `The administrator "${name}" is a superuser, which is more than it takes.`,
      hint: "Use a role with LOGIN and CREATEROLE alone.",
    };
  } else {
    if (!has.createrole) {
      yield {
        message: `The administrator "${name}" may not make roles.`,
        hint: `ALTER ROLE ${quoted} CREATEROLE;`,
      };
    }
    if (!has.inherit && server.version < GRANTS_APART) {
      yield {
        message: `The administrator "${name}" does not have the rights of the roles that it is a member of, and could not take back what users own.`,
        hint: `ALTER ROLE ${quoted} INHERIT;`,
      };
    }
    if (replication && (server.version < GRANTS_APART || !has.replication)) {
      yield {
        message: `The level has \`replication: true\`, and the administrator "${name}" may not make users that replicate.`,
        hint:
          server.version < GRANTS_APART
            ? "Before PostgreSQL 16 only a superuser may. Give the level a credential of its own."
            : `ALTER ROLE ${quoted} REPLICATION; as a superuser.`,
      };
    }
  }
  if (!code) {
    yield {
      message: `The administrator "${name}" can't use PL/pgSQL in the target's database, by which users are taken back.`,
      hint: `CREATE EXTENSION IF NOT EXISTS plpgsql; GRANT USAGE ON LANGUAGE plpgsql TO ${quoted};`,
    };
  }
}

function* ofMarker(findings: Findings, marker: Role | undefined): Iterable<MintProblem> {
  const { administrator } = findings;
  if (!marker?.exists) {
    // Where it may make roles, it has just made it.
    if (!administrator.createrole) return;
    yield {
      message: `The role "${MARKER}" could not be made.`,
      hint: `CREATE ROLE ${MARKER} NOLOGIN NOINHERIT;`,
    };
  } else {
    if (!isGrantable(findings, marker)) yield notGrantable(findings, marker);
    for (const { role: reached, why } of marker.dangers) {
      if (reached === MARKER && why.startsWith("is the marker")) continue;
      yield {
        message: `The role "${MARKER}" is there to mark others, and has rights: "${reached}" ${why}.`,
        hint: `REVOKE what it is a member of, and ALTER ROLE ${MARKER} NOSUPERUSER NOCREATEROLE NOREPLICATION NOBYPASSRLS;`,
      };
    }
  }
}

function* ofRole(findings: Findings, role: Role | undefined): Iterable<MintProblem> {
  if (!role) return;
  if (!role.exists) {
    yield missing(findings, role);
    return;
  }
  for (const { role: reached, why } of role.dangers) {
    const by =
      reached === role.name
        ? `"${role.name}" ${why}`
        : `"${role.name}" is a member of "${reached}", which ${why}`;
    yield {
      message: `The role ${by}: a session with it could get out of its own user.`,
      hint: "Name a role in `memberOf` that has privileges on data, and nothing else.",
    };
  }
  if (role.dangers.length === 0 && !isGrantable(findings, role)) yield notGrantable(findings, role);
}

function* ofHeir(findings: Findings, heir: Role | undefined): Iterable<MintProblem> {
  if (!heir) return;
  if (!heir.exists) yield missing(findings, heir);
  else if (!heir.usable) {
    const { quoted } = findings.administrator;
    yield {
      message: `The administrator "${findings.administrator.name}" can't hand over to "${heir.name}", since it does not have its rights.`,
      hint:
        findings.server.version < GRANTS_APART
          ? `GRANT ${heir.quoted} TO ${quoted};`
          : `GRANT ${heir.quoted} TO ${quoted} WITH INHERIT TRUE, SET TRUE;`,
    };
  }
}

function* ofDatabase({ connect, database }: Findings, memberOf: readonly string[]): Iterable<MintProblem> {
  // Of a level that gets what the policies allow, that is the policy role's.
  if (connect || memberOf.length === 0) return;
  yield {
    message: `None of the level's roles may connect to the database ${database}.`,
    hint: `GRANT CONNECT ON DATABASE ${database} TO ${memberOf[0]};`,
  };
}

function missing({ others }: Findings, { name, quoted }: Role): MintProblem {
  return {
    message: `The target has no role "${name}"${didYouMean(name, others) || "."}`,
    hint: `CREATE ROLE ${quoted} NOLOGIN;`,
  };
}

function isGrantable({ administrator, server }: Findings, { superuser, admin }: Role): boolean {
  if (admin || server.superuser) return true;
  return server.version < GRANTS_APART && administrator.createrole && !superuser;
}

function notGrantable({ administrator }: Findings, { name, quoted }: Role): MintProblem {
  return {
    message: `The administrator "${administrator.name}" may not grant the role "${name}".`,
    hint: `GRANT ${quoted} TO ${administrator.quoted} WITH ADMIN OPTION;`,
  };
}
