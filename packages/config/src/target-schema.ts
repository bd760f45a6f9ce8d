import {
  address,
  columnPattern,
  duration,
  filePath,
  name,
  oneOrMore,
  secretReference,
} from "@gatehouse/documents";
import type { LevelCredential, TargetCredential } from "@gatehouse/core";
import { z } from "zod";
import { upstreamTls } from "./upstream-tls.ts";

/** How a part of the file is read: relative to which folder, and with development's relaxations or without. */
export interface Reading {
  readonly folder: string;
  readonly development: boolean;
}

const PROVES_NOTHING =
  "this credential proves nothing: write `password: env:NAME`, `certificate: { cert: file:PATH, key: file:PATH }`, or both";

function credentialKeys({ folder, development }: Reading) {
  return {
    user: z
      .string()
      // A control character could end the name early in a protocol whose strings end at a zero byte.
      .regex(
        /^[ -~\u00a0-\uffff]{1,255}$/,
        "expected a user's name: 1 to 255 characters, no control characters",
      ),
    password: secretReference(folder, { literals: development }).exactOptional(),
    certificate: z
      .strictObject({
        cert: filePath(folder).describe("The certificate chain (PEM)"),
        key: filePath(folder).describe("The private key (PEM), without a passphrase"),
      })
      .exactOptional()
      .describe("What the gateway shows in the TLS handshake"),
  };
}

const PROOFS = [{ required: ["password"] }, { required: ["certificate"] }];

function credential(reading: Reading) {
  return z
    .strictObject(credentialKeys(reading))
    .refine(
      ({ password, certificate }) => password !== undefined || certificate !== undefined,
      PROVES_NOTHING,
    )
    .meta({ anyOf: PROOFS });
}

/** Without `..`, an empty part, or what has a meaning of its own in a URL. */
const ENGINE_PATH = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*){1,15}$/;

/** As a target's, or the path by which a secrets engine issues one for each session. */
function levelCredential(reading: Reading) {
  const { user, ...proofs } = credentialKeys(reading);
  return z
    .strictObject({
      user: user.exactOptional(),
      ...proofs,
      vault: z
        .string()
        .regex(ENGINE_PATH, "expected a path of the secrets engine, such as database/creds/orders-reader")
        .exactOptional()
        .describe("The path by which the secrets engine issues one for each session; see `vault`"),
    })
    .transform(
      ({ user: name, password, certificate, vault }, context): TargetCredential | EngineCredential => {
        const refuse = (message: string, ...path: string[]) => {
          context.addIssue({ code: "custom", path, message });
          return z.NEVER;
        };
        if (vault !== undefined) {
          if (name === undefined && password === undefined && certificate === undefined) return { vault };
          return refuse(
            "a credential that the secrets engine issues has all that it needs: `vault` stands alone",
            "vault",
          );
        }
        if (name === undefined) return refuse('"user" is missing (expected a text)');
        if (password === undefined && certificate === undefined) return refuse(PROVES_NOTHING);
        return { user: name, ...(password ? { password } : {}), ...(certificate ? { certificate } : {}) };
      },
    )
    .meta({
      anyOf: [
        ...PROOFS.map(({ required }) => ({ required: ["user", ...required] })),
        { required: ["vault"] },
      ],
    });
}

type EngineCredential = Extract<LevelCredential, { vault: string }>;

/** The keys that only a level has whose sessions each have a user of their own. */
export const MINT_KEYS = ["ttl", "ready", "share"] as const;

/** The keys that every level has, whatever its target's protocol. */
export function levelSchema(reading: Reading) {
  return z.strictObject({
    credential: levelCredential(reading).exactOptional(),
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
 * The keys that every target has, whatever its protocol.
 * @param level how each of its levels is read
 */
export function targetSchema(
  reading: Reading,
  protocols: readonly string[],
  level: z.ZodType<LevelKeys> = levelSchema(reading),
) {
  return z.strictObject({
    protocol: z.enum(protocols).describe("What the target speaks"),
    address: oneOrMore(address()).describe(
      "Where the target is: host:port or unix:/PATH, or a list of them that is tried in order",
    ),
    tls: upstreamTls(reading.folder)
      .prefault({})
      .describe("How the connection to the target is protected; `off` is plaintext"),
    connectTimeout: duration({ min: 100, max: 300_000 })
      .prefault("10s")
      .describe("How long the target may take to accept the gateway, at each of its addresses"),
    credential: credential(reading)
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
