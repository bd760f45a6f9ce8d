import { duration, remembered, settingsReader } from "@gatehouse/documents";
import { z } from "zod";

/** What a target of this protocol has beside what all targets have. */
export interface PostgresSettings {
  readonly database: string;
  /** Where unqualified names are looked for. The gateway sets it as search_path, so that its analysis holds. */
  readonly schema: string;
  /** Which of the target's addresses will do; as libpq's parameters, as are the two below. */
  readonly targetSessionAttrs: TargetSessionAttrs;
  readonly requireAuth: readonly PasswordWay[];
  readonly channelBinding: "prefer" | "require" | "disable";
  /** Whether whoever is asked about a command is told how many rows the target expects it to be about. */
  readonly estimate: "explain" | "off";
  /** Whether statements are understood by what the database has, or by their grammar alone. */
  readonly catalog: "read" | "off";
  /** What becomes of what a user that was made for a session owns at its end: dropped, or, where it is data, a role's. */
  readonly owned: "drop" | { readonly handOver: string };
}

/** What a level of such a target has beside what all levels have. */
export interface PostgresLevelSettings {
  readonly replication: boolean;
  /** Of a user that is made for a session: the roles that it is a member of. */
  readonly memberOf?: readonly string[];
  /** `policy`: it has what the policies could ever allow, by privileges on each object; beside what it is a member of. */
  readonly grants?: "policy";
  /** Whether it may become what it is a member of, by SET ROLE. PostgreSQL before 16 always lets it. */
  readonly setRole: boolean;
  /** What its sessions begin with, by the names that the server has for it. */
  readonly settings: ReadonlyMap<string, string>;
}

const targetSessionAttrs = [
  "any",
  "read-write",
  "read-only",
  "primary",
  "standby",
  "prefer-standby",
] as const;
export type TargetSessionAttrs = (typeof targetSessionAttrs)[number];

const passwordWays = ["scram-sha-256", "md5", "password"] as const;
/** How a target may ask for the password. */
export type PasswordWay = (typeof passwordWays)[number];

const identifier = z.string().min(1).max(63);

/** What a level may set for its sessions, and how each is written. */
const milliseconds = duration({ min: 1, max: 24 * 60 * 60 * 1000 }).transform((time) => `${time}ms`);
const onOff = z
  .union([z.boolean(), z.enum(["on", "off"])])
  .transform((on) => (on === true || on === "on" ? "on" : "off"));
const sessionSettings = z
  .strictObject({
    statement_timeout: milliseconds.exactOptional(),
    lock_timeout: milliseconds.exactOptional(),
    idle_in_transaction_session_timeout: milliseconds.exactOptional(),
    default_transaction_read_only: onOff.exactOptional(),
    row_security: onOff.exactOptional(),
    search_path: z
      .array(identifier)
      .min(1)
      .max(32)
      .transform((path) => path.map((schema) => `"${schema.replaceAll('"', '""')}"`).join(", "))
      .exactOptional(),
  })
  .default({})
  .transform((settings) => new Map(Object.entries(settings)))
  .describe("What the sessions of a level with users of its own begin with.");

const target = remembered(
  settingsReader<PostgresSettings>(
    z.strictObject({
      database: identifier.describe("The database to connect to."),
      schema: identifier
        .default("public")
        .describe(
          "The schema in which unqualified names are looked for; the gateway sets it as search_path.",
        ),
      targetSessionAttrs: z
        .enum(targetSessionAttrs)
        .default("any")
        .describe("Which of the addresses will do: the first that is this, as libpq's target_session_attrs."),
      requireAuth: z
        .array(z.enum(passwordWays))
        .min(1)
        .max(passwordWays.length)
        .default(["scram-sha-256"])
        .describe(
          "How the target may ask for the password. `md5` proves nothing about the target; `password` sends it as it is, and only where TLS is verify-full.",
        ),
      channelBinding: z
        .enum(["prefer", "require", "disable"])
        .default("prefer")
        .describe("Whether SCRAM is bound to the TLS connection (SCRAM-SHA-256-PLUS)."),
      estimate: z
        .enum(["explain", "off"])
        .default("off")
        .describe(
          "`explain`: of a held statement, the target is asked by EXPLAIN how many rows it expects, with the session's credential on another connection.",
        ),
      catalog: z
        .enum(["read", "off"])
        .default("read")
        .describe(
          "`read`: statements are understood by what the database has, and refused while that can't be read. `off`: by their grammar alone, which does not see behind views, triggers, rules, operators and casts; columns can't be masked then.",
        ),
      owned: z
        .union([z.literal("drop"), z.strictObject({ handOver: identifier })])
        .default("drop")
        .describe(
          "What becomes of what a session's own user has made, at its end: `drop`, or `{ handOver: ROLE }`, which gives tables, sequences and types to a role and drops the rest.",
        ),
    }),
  ),
  "PostgreSQL",
);

const level = remembered(
  settingsReader<PostgresLevelSettings>(
    z.strictObject({
      replication: z.boolean().default(false).describe("Lets clients open replication connections."),
      memberOf: z
        .array(identifier)
        .min(1, "expected at least one role")
        .max(32)
        .exactOptional()
        .describe("The level's sessions each have a database user of their own, a member of these roles."),
      grants: z
        .literal("policy")
        .exactOptional()
        .describe(
          "`policy`: that user has privileges on just what the policies could ever allow at this level.",
        ),
      setRole: z
        .boolean()
        .default(false)
        .describe(
          "Whether it may become a role that it is a member of (SET ROLE). Before PostgreSQL 16 it always may.",
        ),
      settings: sessionSettings,
    }),
  ),
  "PostgreSQL",
);

/** A listener of this protocol has nothing beside what all listeners have. */
export const postgresListenerSettings = settingsReader(z.strictObject({}));
export const postgresSettings = target.reader;
export const postgresLevelSettings = level.reader;

/** A target's settings, as this protocol has read them. */
export function settingsOf({ settings }: { readonly settings: unknown }): PostgresSettings {
  return target.recall(settings);
}

/** Whether each session of such a level has a user of its own. */
export function mints({ memberOf, grants }: PostgresLevelSettings): boolean {
  return memberOf !== undefined || grants !== undefined;
}

/** A level's settings, as this protocol has read them. */
export function levelSettingsOf({ settings }: { readonly settings: unknown }): PostgresLevelSettings {
  return level.recall(settings);
}
