import { randomBytes } from "node:crypto";
import { GatehouseError, type Identity, type OidcProvider, type TiedKey } from "@gatehouse/core";
import {
  type CertificateTerms,
  generatePrivateKey,
  issueCertificate,
  optionData,
  type PrivateKey,
} from "@gatehouse/openssh";
import { createFakeClock, createMemoryLog } from "@gatehouse/testkit";
import t, { type Test } from "tap";
import { createAuthenticator, issueSshCertificate, type SshCertificateTerms } from "../src/index.ts";
import { configured, withoutKeys } from "./bare-provider.ts";

const issuer = "https://idp.example.com";
const client = { host: "192.0.2.7", port: 50_000 };
const invalid = { code: "IDENTITY_INVALID" };
const hour = 3_600_000;
const [authority, hers, others] = [key(), key(), key()];

function key(): PrivateKey {
  return generatePrivateKey("ssh-ed25519");
}

interface World {
  readonly providers?: readonly OidcProvider[];
  readonly keys?: readonly TiedKey[];
  readonly trusted?: () => Promise<PrivateKey>;
}

function authenticatorFor(t: Test, { providers = [configured(issuer)], keys = [], trusted }: World = {}) {
  const clock = createFakeClock();
  const authenticator = createAuthenticator({
    ...withoutKeys,
    ...{ providers, keys, clock, log: createMemoryLog() },
    authority: async () => (await (trusted?.() ?? Promise.resolve(authority))).publicKey,
  });
  t.teardown(() => authenticator.close());
  return { authenticator, clock };
}

const dana = (expiresAt: number): Identity => ({
  subject: "dana",
  kind: "human",
  groups: ["dba", "sre"],
  proof: { method: "oidc", provider: "corp", issuer, tokenId: "t-1" },
  expiresAt,
});

function issued(now: number, terms: Partial<SshCertificateTerms> = {}) {
  return issueSshCertificate(authority, {
    identity: dana(now + hour),
    publicKey: hers.publicKey,
    now,
    ttl: undefined,
    lifetime: undefined,
    random: randomBytes,
    ...terms,
  });
}

/** A certificate of the gateway's authority, but for what is changed. */
function forged(now: number, changes: Partial<CertificateTerms>, by = authority) {
  const { publicKey, serial, keyId, principals, validBefore, extensions } = issued(now);
  const terms = { type: "user", publicKey, serial, keyId, principals, validBefore, extensions } as const;
  return issueCertificate(by, { ...terms, validAfter: now - 60_000, ...changes }, randomBytes);
}

const tied = (holder: PrivateKey, subject: string): TiedKey => ({
  ...{ subject, kind: "human", groups: ["sre"], provider: "corp", issuer },
  ...{ blob: holder.publicKey.blob, fingerprint: holder.publicKey.fingerprint },
});

t.test("a key that the config ties to somebody is that somebody's, and no other is", async (t) => {
  const { authenticator } = authenticatorFor(t, { keys: [tied(hers, "dana"), tied(others, "noa")] });
  t.match(await authenticator.authenticate({ key: hers.publicKey.blob, client }), {
    subject: "dana",
    groups: ["sre"],
    proof: { method: "ssh-key", provider: "corp", issuer, key: hers.publicKey.fingerprint },
  });
  t.match(await authenticator.authenticate({ key: others.publicKey.blob, client }), { subject: "noa" });
  const stranger = key().publicKey;
  await t.rejects(authenticator.authenticate({ key: stranger.blob, client }), {
    ...invalid,
    message: new RegExp(stranger.fingerprint.replace(/[+/]/g, "\\$&")),
  });
});

t.test("how long a tied key holds is a time that can be written", async (t) => {
  const { authenticator } = authenticatorFor(t, { keys: [tied(hers, "dana")] });
  const { expiresAt } = await authenticator.authenticate({ key: hers.publicKey.blob, client });
  t.match(new Date(expiresAt).toISOString(), /^\+/);
});

t.test("a certificate proves whom the token proved, until its own end", async (t) => {
  const { authenticator, clock } = authenticatorFor(t);
  const certificate = issued(clock.now());
  t.match(certificate, { type: "user", keyId: "dana", principals: ["dana"] });
  const presented = { key: certificate.blob, client };
  t.strictSame(await authenticator.authenticate(presented), {
    subject: "dana",
    kind: "human",
    groups: ["dba", "sre"],
    proof: {
      ...{ method: "ssh-certificate", provider: "corp", issuer, tokenId: "t-1" },
      ...{ key: hers.publicKey.fingerprint, serial: certificate.serial.toString() },
    },
    expiresAt: certificate.validBefore,
  });
  clock.advance(certificate.validBefore - clock.now());
  await t.rejects(authenticator.authenticate(presented), { code: "IDENTITY_EXPIRED" });
  clock.advance(-2 * hour);
  await t.rejects(authenticator.authenticate(presented), { code: "IDENTITY_NOT_YET" });
});

t.test("it lasts as long as its token, or as the config says, or as was asked for", async (t) => {
  const now = 1_800_000_000_000;
  const last = (terms: Partial<SshCertificateTerms>) => issued(now, terms).validBefore - now;
  t.equal(last({}), hour);
  t.equal(last({ identity: dana(now + 100 * hour) }), 12 * hour);
  t.equal(last({ ttl: 8 * hour }), 8 * hour);
  t.equal(last({ lifetime: 60_000 }), 60_000);
  t.equal(last({ lifetime: 100 * hour }), hour, "and no longer than it may");
});

t.test("none is given for a certificate, a token that is over, or groups without end", (t) => {
  const now = 1_800_000_000_000;
  const again = {
    ...dana(now + hour),
    proof: { method: "ssh-certificate", provider: "corp", issuer },
  } as const;
  t.throws(() => issued(now, { identity: again }), invalid);
  t.throws(() => issued(now, { identity: dana(now), ttl: hour }), { code: "IDENTITY_EXPIRED" });
  const groups = Array.from({ length: 500 }, (_, number) => `${"g".repeat(200)}${number}`);
  t.throws(() => issued(now, { identity: { ...dana(now + hour), groups } }), { code: "REQUEST_INVALID" });
  t.end();
});

t.test("a certificate that is not one of the gateway's own for a user proves nobody", async (t) => {
  const { authenticator, clock } = authenticatorFor(t);
  const now = clock.now();
  const identity = (text: string) => new Map([["identity@gatehouse", optionData(text)]]);
  const who = { subject: "dana", kind: "human", groups: [], issuer, provider: "corp" };
  for (const [what, certificate] of [
    ["another authority", forged(now, {}, others)],
    ["the key itself as its authority", forged(now, {}, hers)],
    ["a host's", forged(now, { type: "host" })],
    ["another principal", forged(now, { principals: ["mallory"] })],
    ["a critical option", forged(now, { criticalOptions: new Map([["force-command", optionData("true")]]) })],
    [
      "another address",
      forged(now, { criticalOptions: new Map([["source-address", optionData("198.51.100.0/24")]]) }),
    ],
    ["no identity", forged(now, { extensions: new Map() })],
    ["an identity that is no JSON", forged(now, { extensions: identity("dana") })],
    [
      "an identity without a kind",
      forged(now, { extensions: identity(JSON.stringify({ ...who, kind: "root" })) }),
    ],
    [
      "one of a provider that is gone",
      forged(now, { extensions: identity(JSON.stringify({ ...who, provider: "old" })) }),
    ],
    [
      "one of the provider's other issuer",
      forged(now, { extensions: identity(JSON.stringify({ ...who, issuer: "https://x" })) }),
    ],
  ] as const)
    await t.rejects(authenticator.authenticate({ key: certificate.blob, client }), invalid, what);
  const altered = Buffer.from(issued(now).blob);
  altered.writeUInt8(altered.readUInt8(altered.length - 1) ^ 1, altered.length - 1);
  await t.rejects(authenticator.authenticate({ key: altered, client }), invalid, "an altered one");
  for (const bytes of [Buffer.alloc(0), Buffer.alloc(3), Buffer.alloc(40, 0xff), altered.subarray(0, 100)])
    await t.rejects(authenticator.authenticate({ key: bytes, client }), invalid, "no key at all");
});

t.test("no cut or altered certificate proves anybody, or fails in a way of its own", async (t) => {
  const { authenticator, clock } = authenticatorFor(t);
  const { blob } = issued(clock.now());
  const outcomes = new Set<unknown>();
  const look = (bytes: Uint8Array) =>
    authenticator.authenticate({ key: bytes, client }).then(
      () => outcomes.add("let in"),
      (error: unknown) => outcomes.add(error instanceof GatehouseError ? error.code : error),
    );
  for (let at = 0; at < blob.length; at++) {
    await look(blob.subarray(0, at));
    const altered = Buffer.from(blob);
    altered.writeUInt8(altered.readUInt8(at) ^ (1 << (at % 8)), at);
    await look(altered);
  }
  t.strictSame([...outcomes], ["IDENTITY_INVALID"]);
});

t.test("a certificate for one address is good from there, and from nowhere that has none", async (t) => {
  const { authenticator, clock } = authenticatorFor(t);
  const criticalOptions = new Map([["source-address", optionData("192.0.2.0/24")]]);
  const { blob } = forged(clock.now(), { criticalOptions });
  t.match(await authenticator.authenticate({ key: blob, client }), { subject: "dana" });
  await t.rejects(authenticator.authenticate({ key: blob, client: { socket: "/run/ssh" } }), invalid);
});

t.test("a certificate over a tied key is looked at as a certificate", async (t) => {
  const { authenticator, clock } = authenticatorFor(t, { keys: [tied(hers, "noa")] });
  t.match(await authenticator.authenticate({ key: issued(clock.now()).blob, client }), { subject: "dana" });
  const { blob } = forged(clock.now(), {}, others);
  await t.rejects(authenticator.authenticate({ key: blob, client }), invalid);
});

t.test(
  "an authority that can't be read lets nobody in by a certificate, and all others as before",
  async (t) => {
    const trusted = () => Promise.reject(new Error("no such file"));
    const { authenticator, clock } = authenticatorFor(t, { trusted, keys: [tied(others, "noa")] });
    await t.rejects(authenticator.authenticate({ key: issued(clock.now()).blob, client }), {
      code: "IDENTITY_UNAVAILABLE",
      message: /no such file/,
    });
    t.match(await authenticator.authenticate({ key: others.publicKey.blob, client }), { subject: "noa" });
  },
);
