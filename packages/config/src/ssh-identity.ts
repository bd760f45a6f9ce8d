import { messageOf, type OidcProvider, type SettingsIssue, type SshIdentity } from "@gatehouse/core";
import { duration, name, secretReference } from "@gatehouse/documents";
import { parsePublicKeyLine, type PublicKey } from "@gatehouse/openssh";
import { z } from "zod";
import { groups, said } from "./people.ts";
import { listOf, mapOf } from "./raw.ts";
import type { Reading } from "./target-schema.ts";

type File = Readonly<Record<string, unknown>>;

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
/** All of them are looked at for each key that is shown. */
const MOST_HOLDERS = 5000;
const MOST_KEYS = 100;
const A_KEY = "expected a public key, as a .pub file has it: its type, the key in base64, a comment";

/** How keys and certificates prove identities. */
export function sshIdentity({ folder, development }: Reading) {
  return z
    .strictObject({
      authority: secretReference(folder, { literals: development })
        .exactOptional()
        .describe(
          "A reference to the private key that certifies users' keys; without it the gateway makes one in its state folder",
        ),
      ttl: duration({ min: MINUTE, max: DAY })
        .exactOptional()
        .describe(
          "How long a certificate lasts; as long as the token that it was given for, 12h at the most, unless it is said",
        ),
      keys: z
        .array(holder())
        .max(MOST_HOLDERS)
        .default([])
        .describe("Whose keys are known, without a certificate"),
    })
    .prefault({})
    .describe("How people and programs that come by SSH prove who they are, beside tokens");
}

function holder() {
  return z.strictObject({
    subject: said("whom the provider's tokens call so").describe("Who it is, as the provider's tokens say"),
    provider: name().describe("Whose subject it is"),
    kind: z.enum(["human", "workload"]).default("human").describe("Whether it is a human or a workload"),
    groups: groups().default([]).describe("Which groups they are in"),
    keys: z
      .array(publicKey())
      .min(1, "expected at least one key")
      .max(MOST_KEYS)
      .describe("Their public keys"),
  });
}

/** Nothing of the text is repeated: somebody may have put the private key here. */
function publicKey() {
  return z
    .string()
    .meta({ pattern: "^\\s*[a-z0-9@.-]+[ \\t]+[A-Za-z0-9+/]+={0,2}([ \\t].*)?$", description: A_KEY })
    .transform((line, context): PublicKey => {
      const read = readKey(line);
      if (typeof read !== "string") return read;
      context.addIssue({ code: "custom", message: read, params: { secret: true } });
      return z.NEVER;
    });
}

function readKey(line: string): PublicKey | string {
  try {
    return parsePublicKeyLine(line).key;
  } catch (error) {
    // The one that is not a slip of the pen: its owner has to make another.
    return /\bRSA key of [0-9]+ bits\b/.test(messageOf(error))
      ? "this RSA key is too short or too long: use ssh-ed25519, or RSA with 2048 to 16384 bits"
      : A_KEY;
  }
}

type Written = z.output<ReturnType<typeof sshIdentity>>;

/** What was written, with each provider's issuer. One that is not configured is an issue (`unknownHolders`). */
export function sshIdentityConfig(written: Written, providers: readonly OidcProvider[]): SshIdentity {
  const { keys, ...common } = written;
  return {
    ...common,
    keys: keys.flatMap(({ keys: theirs, provider, ...who }) => {
      const issuer = providers.find(({ name }) => name === provider)?.issuer ?? "";
      return theirs.map(({ blob, fingerprint }) => ({ ...who, provider, issuer, blob, fingerprint }));
    }),
  };
}

/** Every holder of keys in the file, with the way to it. */
function holdersOf(file: File) {
  return listOf(mapOf(mapOf(file["identity"])["ssh"])["keys"]).map(
    (holder, index) => [mapOf(holder), ["identity", "ssh", "keys", index]] as const,
  );
}

/** The same person is the same identity by whichever way they come: so nobody approves their own command. */
export function unknownHolders(file: File, known: ReadonlySet<unknown>): SettingsIssue[] {
  return holdersOf(file)
    .filter(([{ provider }]) => provider !== undefined && !known.has(provider))
    .map(([, path]) => ({
      path: [...path, "provider"],
      message: "no provider under `identity.oidc` has this name",
    }));
}

/** One key would be two identities: which of them it proves would hang on the order. */
export function sharedSshKeys(file: File): SettingsIssue[] {
  const seen = new Set<string>();
  const all = holdersOf(file).flatMap(([{ keys }, path]) =>
    listOf(keys).map((line, index) => [line, [...path, "keys", index]] as const),
  );
  return all.flatMap(([line, path]) => {
    const key = typeof line === "string" ? readKey(line) : undefined;
    if (key === undefined || typeof key === "string") return [];
    if (seen.has(key.fingerprint)) {
      return [{ path, message: "this key stands here twice; a key is one identity's, and there once" }];
    }
    seen.add(key.fingerprint);
    return [];
  });
}
