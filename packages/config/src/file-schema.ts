import { tokenAlgorithms } from "@gatehouse/core";
import { byteSize, duration, durationOrOff, filePath, name } from "@gatehouse/documents";
import { z } from "zod";
import { approvals } from "./approvals.ts";
import type { ConfigProtocol } from "./config.ts";
import { detectors } from "./detectors.ts";
import { deviceClient } from "./device-client.ts";
import { certificate, listeners } from "./listeners.ts";
import { sshIdentity } from "./ssh-identity.ts";
import { vault } from "./vault.ts";
import { issuer } from "./urls.ts";
import type { Reading } from "./target-schema.ts";

const POLICY_PATTERN = "expected file:PATH, with `*` in its last part alone, such as file:policies/*.yaml";

const KIB = 1024;
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

function sessions() {
  return z
    .strictObject({
      until: z
        .enum(["close", "expiry"])
        .default("close")
        .describe("Whether a session may outlive its token: `close`, or ends with it: `expiry`"),
      length: duration({ min: MINUTE, max: 30 * DAY })
        .prefault("24h")
        .describe("From open to close, whatever the token says"),
      idle: durationOrOff({ min: 1000, max: 30 * DAY })
        .prefault("off")
        .describe("How long a session may do nothing, outside of a transaction"),
      idleInTransaction: durationOrOff({ min: 1000, max: 30 * DAY })
        .prefault("1h")
        .describe("How long a session may do nothing while a transaction of it is open"),
      perIdentity: z.int().min(1).max(100_000).default(100).describe("Open at once, of one identity"),
    })
    .prefault({})
    .describe("How long sessions may last, and how many an identity may have");
}

function claim() {
  return z
    .string()
    .regex(/^[^.\s]+(\.[^.\s]+)*$/, "expected the name of a claim, such as sub or realm.roles");
}

function oidcProvider(reading: Reading) {
  return z.strictObject({
    name: name().describe("What logs and events call the provider"),
    issuer: issuer(reading).describe("The `iss` of its tokens, letter by letter"),
    audience: z.string().min(1, "expected the `aud` of its tokens").describe("The `aud` of its tokens"),
    ca: filePath(reading.folder)
      .exactOptional()
      .describe("The authorities of its certificate, where they are not public (PEM)"),
    algorithms: z
      .array(z.enum(tokenAlgorithms))
      .min(1, "expected at least one algorithm")
      .default(["RS256", "PS256", "ES256", "EdDSA"])
      .describe("The signatures that are accepted"),
    clockSkew: duration({ min: 0, max: 5 * MINUTE })
      .prefault("30s")
      .describe("By how much the two clocks may differ"),
    claims: z
      .strictObject({
        subject: claim().prefault("sub").describe("Who it is"),
        groups: claim().prefault("groups").describe("Which groups they are in"),
        kind: claim().exactOptional().describe("Whether it is a human or a workload"),
      })
      .prefault({})
      .describe("Which claims hold what; a dot reaches into objects"),
    device: deviceClient(reading)
      .exactOptional()
      .describe("As which client of the provider's people sign in while their SSH client waits (RFC 8628)"),
  });
}

/**
 * The file without its targets' keys, which are the protocols' as well (`target-schema.ts`), as some of its listeners' are. Every key is
 * strict: one that is not known is refused, since a misspelt limit is no limit.
 */
export function fileSchema(reading: Reading, protocols: readonly ConfigProtocol[]) {
  return z.strictObject({
    development: z
      .boolean()
      .default(false)
      .describe("Allows literal secrets, and http:// on loopback. Never in production"),
    state: filePath(reading.folder)
      .prefault("file:state")
      .describe("The folder of the audit log and the approvals"),
    tls: certificate(reading)
      .exactOptional()
      .describe("The certificate of every listener that has none of its own"),
    listeners: listeners(reading, protocols).describe("What is listened on; what is not here is not started"),
    identity: z.strictObject({
      oidc: z
        .array(oidcProvider(reading))
        .min(1, "expected at least one provider")
        .describe("The OpenID Connect providers whose access tokens prove identities"),
      ssh: sshIdentity(reading),
    }),
    targets: z.record(name(), z.unknown()).describe("The systems behind the gateway"),
    policies: z
      .array(z.string().regex(/^file:([^*]*\/)?[^/]+$/, POLICY_PATTERN))
      .min(1, POLICY_PATTERN)
      .describe("The policy files"),
    detectors: detectors()
      .prefault({})
      .describe("Patterns (RE2) of values that masks may look for, by name: what they find is hidden"),
    limits: z
      .strictObject({
        connections: z.int().min(1).max(100_000).default(1000).describe("Open at once, on each address"),
        perAddress: z
          .int()
          .min(1)
          .max(100_000)
          .default(250)
          .describe("Of these, how many of one client address may be logging in"),
        startup: duration({ min: 1000, max: 5 * MINUTE })
          .prefault("10s")
          .describe("From accept to the end of the log-in"),
        message: byteSize({ min: 128 * KIB, max: KIB ** 3 })
          .prefault("16MiB")
          .describe("One message of a protocol"),
        statement: byteSize({ min: KIB, max: KIB ** 2 })
          .prefault("256KiB")
          .describe("The text of one command"),
        keepalive: duration({ min: 1000, max: 60 * MINUTE })
          .prefault("30s")
          .describe("After how long TCP asks a silent peer whether it is still there"),
      })
      .prefault({})
      .describe("What a client can grow, and how far"),
    sessions: sessions(),
    approvals: approvals(reading),
    vault: vault(reading)
      .exactOptional()
      .describe(
        "The secrets engine that `vault:` references and levels with `credential: { vault: PATH }` use",
      ),
    drain: duration({ min: 0, max: 60 * MINUTE })
      .prefault("30s")
      .describe("How long a gateway that shuts down waits for its sessions"),
    audit: z
      .strictObject({
        durability: z
          .enum(["written", "synced"])
          .default("written")
          .describe("written survives the process, synced survives the machine"),
      })
      .prefault({}),
    log: z.strictObject({ level: z.enum(["debug", "info", "warn", "error"]).default("info") }).prefault({}),
  });
}
