import { address, columnPattern, duration, misplaced, name, oneOrMore } from "@gatehouse/documents";
import { z } from "zod";
import { credential, levelCredential, type Spoken } from "./credential-schema.ts";
import { upstreamTls } from "./upstream-tls.ts";

/** How a part of the file is read: relative to which folder, and with development's relaxations or without. */
export interface Reading {
  readonly folder: string;
  readonly development: boolean;
}

/** Why a key for TLS can't stand where it does. */
export function protectsItself(protocol: string): string {
  return `${protocol} protects its connections itself, without TLS: remove this`;
}

/** The keys that only a level has whose sessions each have a user of their own. */
export const MINT_KEYS = ["ttl", "ready", "share"] as const;

/**
 * The keys that every level has.
 * @param spoken by its target; where that is not known, what any protocol may have passes
 */
export function levelSchema(reading: Reading, spoken: Spoken | undefined) {
  return z.strictObject({
    credential: levelCredential(reading, spoken).exactOptional(),
    ttl: duration({ min: 60_000, max: 86_400_000 })
      .exactOptional()
      .describe(
        "How long the log-in of a session's own user works unless it is renewed, for when no gateway is left to take it back; 15m unless it is said",
      ),
    ready: z
      .int()
      .min(0)
      .max(100)
      .exactOptional()
      .describe("How many users are made ahead, so that a log-in need not wait; 2 unless it is said"),
    share: z
      .enum(["session", "identity"])
      .exactOptional()
      .describe(
        "`identity`: the parallel sessions of one identity have one user together; `session` unless it is said",
      ),
  });
}

type LevelKeys = z.output<ReturnType<typeof levelSchema>>;

/**
 * The keys that every target has.
 * @param spoken by the target; where that is not known, what any protocol may have passes
 * @param level how each of its levels is read
 */
export function targetSchema(
  reading: Reading,
  protocols: readonly string[],
  spoken: Spoken | undefined,
  level: z.ZodType<LevelKeys> = levelSchema(reading, spoken),
) {
  const tls = upstreamTls(reading.folder)
    .prefault({})
    .describe("How the connection to the target is protected; `off` is plaintext");
  return z.strictObject({
    protocol: z.enum(protocols).describe("What the target speaks"),
    address: oneOrMore(address()).describe(
      "Where the target is: host:port or unix:/PATH, or a list of them that is tried in order",
    ),
    tls: spoken?.security === "own" ? misplaced(protectsItself(spoken.name)).exactOptional() : tls,
    connectTimeout: duration({ min: 100, max: 300_000 })
      .prefault("10s")
      .describe("How long the target may take to accept the gateway, at each of its addresses"),
    credential: credential(reading, spoken)
      .exactOptional()
      .describe(
        "The target's own credential: for every level that has none, for what the gateway looks up itself, and to make the users of sessions with",
      ),
    tags: z
      .record(
        z
          .string()
          .regex(
            /^[a-z0-9_]+(\.[a-z0-9_]+)*$/,
            "expected a tag: words of a-z, 0-9 and _, with dots between them",
          ),
        z.array(columnPattern()).min(1, "expected at least one column"),
      )
      .prefault({})
      .describe(
        "What columns hold, for the masks of policies: tag -> [schema.table.column, ...], with * for any characters of a part",
      ),
    levels: z
      .record(name(), level)
      .refine((levels) => Object.keys(levels).length > 0, "expected at least one level")
      .describe("The ways in: what a client asks for, and the credential that the gateway uses for it"),
  });
}
