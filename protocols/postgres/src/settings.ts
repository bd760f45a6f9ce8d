import type { SettingsReader } from "@gatehouse/core";
import { settingsReader } from "@gatehouse/documents";
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
}

/** What a level of such a target has beside what all levels have. */
export interface PostgresLevelSettings {
  readonly replication: boolean;
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
    }),
  ),
);

const level = remembered(
  settingsReader<PostgresLevelSettings>(
    z.strictObject({
      replication: z.boolean().default(false).describe("Lets clients open replication connections."),
    }),
  ),
);

export const postgresSettings = target.reader;
export const postgresLevelSettings = level.reader;

/** A target's settings, as this protocol has read them. */
export function settingsOf({ settings }: { readonly settings: unknown }): PostgresSettings {
  return target.recall(settings);
}

/** A level's settings, as this protocol has read them. */
export function levelSettingsOf({ settings }: { readonly settings: unknown }): PostgresLevelSettings {
  return level.recall(settings);
}

/**
 * A reader, and the way back from `unknown` to what it has read: by the object's identity, so that each session need
 * not check again what the config has checked, and nothing that only looks like settings passes unchecked.
 */
function remembered<T extends object>(
  reader: SettingsReader<T>,
): { readonly reader: SettingsReader<T>; readonly recall: (settings: unknown) => T } {
  const known = new WeakMap<object, T>();
  const read: SettingsReader<T>["read"] = (raw) => {
    const result = reader.read(raw);
    if (result.ok) known.set(result.value, result.value);
    return result;
  };
  const recall = (settings: unknown): T => {
    const recalled = typeof settings === "object" && settings !== null ? known.get(settings) : undefined;
    if (recalled !== undefined) return recalled;
    const result = read(settings);
    if (result.ok) return result.value;
    throw new TypeError("Settings of another protocol were handed to the PostgreSQL adapter.");
  };
  return { reader: { ...reader, read }, recall };
}
