import type { CredentialProof, LevelCredential, TargetCredential } from "@gatehouse/core";
import { filePath, misplaced, secretReference } from "@gatehouse/documents";
import { z } from "zod";
import type { ConfigProtocol } from "./config.ts";
import type { Reading } from "./target-schema.ts";

/** What of a protocol says how its targets' credentials are written. */
export type Spoken = Pick<ConfigProtocol, "name" | "security" | "credentials">;

/** As it is written: without a user where the protocol says whom the sessions of a level are. */
export interface WrittenCredential extends Omit<TargetCredential, "user"> {
  readonly user?: string;
}

type EngineCredential = Extract<LevelCredential, { vault: string }>;

/** Each proof that there is, and how it is written. */
const FORMS: Readonly<Record<CredentialProof, string>> = {
  password: "password: env:NAME",
  certificate: "certificate: { cert: file:PATH, key: file:PATH }",
  key: "key: file:PATH",
  authority: "authority: file:PATH",
};
export const PROOFS = Object.keys(FORMS).filter((key): key is CredentialProof => key in FORMS);

/** How a credential of such a target may be written, for who has written none. */
export function exampleOf({ credentials }: Spoken): string {
  const [proof = "password"] = credentials.proofs;
  return `\`credential: { ${credentials.user ? "" : "user: NAME, "}${FORMS[proof]} }\``;
}

/** `a`, `b` or `c`, as keys. */
function anyOf(words: readonly string[]): string {
  const quoted = words.map((word) => `\`${word}\``);
  return [quoted.slice(0, -1).join(", "), ...quoted.slice(-1)].filter((part) => part !== "").join(" or ");
}

/** The proofs that a credential may hold; all of them where nobody knows what is spoken. */
function proofsOf(spoken: Spoken | undefined): readonly CredentialProof[] {
  return spoken?.credentials.proofs ?? PROOFS;
}

function credentialKeys({ folder, development }: Reading, spoken: Spoken | undefined) {
  const known = proofsOf(spoken);
  const secret = secretReference(folder, { literals: development });
  const proof = <T extends z.ZodType>(name: CredentialProof, schema: T) =>
    (known.includes(name)
      ? schema
      : misplaced(`${spoken?.name} targets take ${anyOf(known)}: remove this`)
    ).exactOptional();
  const user = z
    .string()
    // A control character could end the name early in a protocol whose strings end at a zero byte.
    .regex(
      /^[ -~\u00a0-\uffff]{1,255}$/,
      "expected a user's name: 1 to 255 characters, no control characters",
    );
  const byLevel = `at ${spoken?.name} targets, each level says who its sessions are: remove this`;
  return {
    user: (spoken?.credentials.user ? misplaced(byLevel) : user).exactOptional(),
    password: proof("password", secret),
    certificate: proof(
      "certificate",
      z.strictObject({
        cert: filePath(folder).describe("The certificate chain (PEM)"),
        key: filePath(folder).describe("The private key (PEM), without a passphrase"),
      }),
    ).describe("What the gateway shows in the TLS handshake"),
    key: proof("key", secret).describe("A private key, in OpenSSH's form or PEM, without a passphrase"),
    authority: proof("authority", secret).describe(
      "The private key of an authority that the target trusts: it certifies a key of its own for each session",
    ),
  };
}

/** What is wrong with a credential as a whole. */
function complaint(written: WrittenCredential, spoken: Spoken | undefined): string | undefined {
  if (written.user === undefined && spoken && !spoken.credentials.user) {
    return '"user" is missing (expected a text)';
  }
  if (PROOFS.every((proof) => written[proof] === undefined)) {
    const forms = proofsOf(spoken).map((proof) => FORMS[proof]);
    return `this credential proves nothing: write ${anyOf(forms)}`;
  }
  if (written.key !== undefined && written.authority !== undefined) {
    return "`authority` certifies a key of its own for each session: remove `key`, or `authority`";
  }
  return undefined;
}

/** The same as JSON Schema. */
function whole(spoken: Spoken | undefined) {
  const proofs = proofsOf(spoken);
  const needed = spoken && !spoken.credentials.user ? ["user"] : [];
  const either = proofs.includes("key") && proofs.includes("authority");
  return {
    anyOf: proofs.map((proof) => ({ required: [...needed, proof] })),
    ...(either ? { not: { required: ["key", "authority"] } } : {}),
  };
}

/**
 * A target's own credential.
 * @param spoken by the target; where that is not known, what any protocol may have passes
 */
export function credential(reading: Reading, spoken: Spoken | undefined) {
  return z
    .strictObject(credentialKeys(reading, spoken))
    .superRefine((written, context) => {
      const message = complaint(written, spoken);
      if (message !== undefined) context.addIssue({ code: "custom", message });
    })
    .meta(whole(spoken));
}

/** Without `..`, an empty part, or what has a meaning of its own in a URL. */
const ENGINE_PATH = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*){1,15}$/;

/** As a target's, or the path by which a secrets engine issues one for each session. */
export function levelCredential(reading: Reading, spoken: Spoken | undefined) {
  const path = z
    .string()
    .regex(ENGINE_PATH, "expected a path of the secrets engine, such as database/creds/orders-reader");
  const byLevel = `what the engine issues has a user of its own, and at ${spoken?.name} targets, each level says who its sessions are: remove this`;
  const schema = z
    .strictObject({
      ...credentialKeys(reading, spoken),
      vault: (spoken?.credentials.user ? misplaced(byLevel) : path)
        .exactOptional()
        .describe("The path by which the secrets engine issues one for each session; see `vault`"),
    })
    .transform(({ vault, ...written }, context): WrittenCredential | EngineCredential => {
      const refuse = (message: string, ...at: string[]) => {
        context.addIssue({ code: "custom", path: at, message });
        return z.NEVER;
      };
      if (vault === undefined) {
        const message = complaint(written, spoken);
        return message === undefined ? written : refuse(message);
      }
      if (Object.keys(written).length === 0) return { vault };
      return refuse(
        "a credential that the secrets engine issues has all that it needs: `vault` stands alone",
        "vault",
      );
    });
  if (spoken?.credentials.user) return schema.meta(whole(spoken));
  const { anyOf: forms, ...rest } = whole(spoken);
  return schema.meta({ anyOf: [...forms, { required: ["vault"] }], ...rest });
}
