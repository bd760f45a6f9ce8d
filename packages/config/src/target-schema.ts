import { address, duration, filePath, name, oneOrMore, secretReference } from "@gatehouse/documents";
import { z } from "zod";
import { upstreamTls } from "./upstream-tls.ts";

/** How a part of the file is read: relative to which folder, and with development's relaxations or without. */
export interface Reading {
  readonly folder: string;
  readonly development: boolean;
}

const PROVES_NOTHING =
  "this credential proves nothing: write `password: env:NAME`, `certificate: { cert: file:PATH, key: file:PATH }`, or both";

function credential({ folder, development }: Reading) {
  return z
    .strictObject({
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
    })
    .refine(
      ({ password, certificate }) => password !== undefined || certificate !== undefined,
      PROVES_NOTHING,
    )
    .meta({ anyOf: [{ required: ["password"] }, { required: ["certificate"] }] });
}

/** The keys that every level has, whatever its target's protocol. */
export function levelSchema(reading: Reading) {
  return z.strictObject({ credential: credential(reading).exactOptional() });
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
        "The target's own credential, for every level that has none, and for what the gateway looks up itself",
      ),
    tags: z
      .record(
        z
          .string()
          .regex(
            /^[a-z0-9_]+(\.[a-z0-9_]+)*$/,
            "expected a tag: words of a-z, 0-9 and _, with dots between them",
          ),
        z.array(z.string().min(1)).min(1, "expected at least one column"),
      )
      .prefault({})
      .describe(
        "What columns hold, for the masks of policies: tag -> [schema.table.column, ...], with * for any name",
      ),
    levels: z
      .record(name(), level)
      .refine((levels) => Object.keys(levels).length > 0, "expected at least one level")
      .describe("The ways in: what a client asks for, and the credential that the gateway uses for it"),
  });
}
