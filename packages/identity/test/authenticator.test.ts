import { join } from "node:path";
import type { OidcProvider } from "@gatehouse/core";
import { createFakeClock, createMemoryLog, startOidcProvider } from "@gatehouse/testkit";
import t, { type Test } from "tap";
import { fetch as undiciFetch } from "undici";
import { createAuthenticator, type Fetch } from "../src/index.ts";
import { FIRST_RETRY, STALE_AFTER, UNKNOWN_KEY_INTERVAL } from "../src/keys.ts";
import {
  configured,
  createSigningKey,
  discoveryPath,
  json,
  mintTls,
  sign,
  startBareProvider,
  withoutKeys,
} from "./bare-provider.ts";

const tls = await mintTls();
const ca = join(t.testdir({ "ca.crt": tls.ca }), "ca.crt");
const minute = 60_000;
const invalid = { code: "IDENTITY_INVALID" };
const unavailable = { code: "IDENTITY_UNAVAILABLE" };

function authenticatorFor(t: Test, ...providers: OidcProvider[]) {
  const clock = createFakeClock();
  const log = createMemoryLog();
  const fetched: string[] = [];
  const fetch: Fetch = (input, init) => {
    if (typeof input === "string") fetched.push(input);
    return undiciFetch(input, init);
  };
  const authenticator = createAuthenticator({ providers, clock, log, fetch, ...withoutKeys });
  t.teardown(() => authenticator.close());
  const keyFetches = () => fetched.filter((url) => url.endsWith("/jwks")).length;
  return { authenticator, clock, log, keyFetches };
}

/** A real provider over TLS, and an authenticator that trusts it. */
async function underTest(t: Test, algorithm: "ES256" | "RS256" = "ES256") {
  const provider = await startOidcProvider({
    tls,
    audience: "gatehouse",
    clients: [{ name: "crew-analyst", groups: ["crew-analyst"] }],
    people: [{ name: "dana", groups: ["dba", "sre"] }],
    tokenLifetime: 10 * minute,
    algorithm,
  });
  t.teardown(() => provider.stop().catch(() => undefined));
  return { provider, ...authenticatorFor(t, configured(provider.issuer, { ca, algorithms: [algorithm] })) };
}

for (const algorithm of ["ES256", "RS256"] as const) {
  t.test(`tokens of a real provider prove who has them (${algorithm})`, async (t) => {
    const { provider, authenticator } = await underTest(t, algorithm);
    await authenticator.start();
    t.strictSame(authenticator.status(), [{ name: "corp", ready: true }]);
    t.match(await authenticator.authenticate({ token: await provider.token("crew-analyst") }), {
      subject: "crew-analyst",
      kind: "workload",
      groups: ["crew-analyst"],
      proof: { method: "oidc", provider: "corp", issuer: provider.issuer, tokenId: String },
    });
    t.match(await authenticator.authenticate({ token: await provider.token("dana") }), {
      subject: "dana",
      kind: "human",
      groups: ["dba", "sre"],
    });
  });
}

t.test("a token proves nothing after its end, also one that was verified before", async (t) => {
  const { provider, authenticator, clock } = await underTest(t);
  const token = await provider.token("dana");
  const { expiresAt } = await authenticator.authenticate({ token });
  clock.advance(expiresAt - clock.now() - 1);
  t.equal((await authenticator.authenticate({ token })).subject, "dana");
  clock.advance(1);
  await t.rejects(authenticator.authenticate({ token }), { code: "IDENTITY_EXPIRED" });
});

t.test("a token that was verified is not verified again while its keys stand", async (t) => {
  const { provider, authenticator } = await underTest(t);
  const token = await provider.token("dana");
  const first = await authenticator.authenticate({ token });
  t.equal(await authenticator.authenticate({ token }), first, "the same object");
});

t.test("a new signing key is found by its first token, and ends what the old one signed", async (t) => {
  const { provider, authenticator, keyFetches } = await underTest(t);
  await authenticator.start();
  const before = await provider.token("dana");
  await authenticator.authenticate({ token: before });
  provider.rotateKeys();
  t.equal((await authenticator.authenticate({ token: await provider.token("dana") })).subject, "dana");
  t.equal(keyFetches(), 2);
  await t.rejects(authenticator.authenticate({ token: before }), invalid, "its key is no longer published");
});

t.test(
  "a provider that is down at start keeps nobody from starting, and is found when it is up",
  async (t) => {
    const { provider, authenticator, clock, log } = await underTest(t);
    const token = await provider.token("dana");
    await provider.stop();
    await authenticator.start();
    t.match(authenticator.status(), [{ name: "corp", ready: false, reason: /ECONNREFUSED/ }]);
    t.match(log.entries, [{ level: "warn", fields: { provider: "corp", reason: /ECONNREFUSED/ } }]);
    await t.rejects(authenticator.authenticate({ token }), unavailable);
    await provider.start();
    clock.advance(FIRST_RETRY);
    t.equal((await authenticator.authenticate({ token })).subject, "dana");
    t.strictSame(authenticator.status(), [{ name: "corp", ready: true }]);
  },
);

t.test("a provider that goes down later leaves its keys, for new tokens too", async (t) => {
  const { provider, authenticator, clock } = await underTest(t);
  await authenticator.start();
  const [first, second] = [await provider.token("dana"), await provider.token("crew-analyst")];
  await authenticator.authenticate({ token: first });
  await provider.stop();
  clock.advance(9 * minute);
  t.equal((await authenticator.authenticate({ token: first })).subject, "dana");
  t.equal((await authenticator.authenticate({ token: second })).subject, "crew-analyst");
});

t.test("a token that was verified ends with its keys, when those are a day old", async (t) => {
  const { bare, key, authenticator, clock } = await bareUnderTest(t);
  const exp = Math.ceil((clock.now() + 2 * STALE_AFTER) / 1000);
  const token = await sign(key, { iss: bare.issuer, aud: "gatehouse", sub: "dana", exp });
  await authenticator.authenticate({ token });
  await bare.stop();
  clock.advance(STALE_AFTER - 1);
  t.equal((await authenticator.authenticate({ token })).subject, "dana");
  clock.advance(2 * minute);
  await t.rejects(authenticator.authenticate({ token }), unavailable);
});

t.test("forged tokens do not make the gateway hammer the provider", async (t) => {
  const { bare, authenticator, clock, keyFetches } = await bareUnderTest(t);
  await authenticator.start();
  const claims = {
    iss: bare.issuer,
    aud: "gatehouse",
    sub: "root",
    exp: Math.ceil(clock.now() / 1000) + 600,
  };
  const forge = async (kid: string) => sign(await createSigningKey("ES256", kid), claims);
  const forged = await Promise.all(Array.from({ length: 20 }, (_, index) => forge(`forged-${index}`)));
  await Promise.all(forged.map((token) => t.rejects(authenticator.authenticate({ token }), invalid)));
  for (const token of forged) await t.rejects(authenticator.authenticate({ token }), invalid);
  t.equal(keyFetches(), 2, "one at start, one for all of them");
  clock.advance(UNKNOWN_KEY_INTERVAL);
  for (const token of forged) await t.rejects(authenticator.authenticate({ token }), invalid);
  t.equal(keyFetches(), 3);
});

t.test("a token of an issuer that is not configured leads to no fetch", async (t) => {
  const { bare, key, authenticator } = await bareUnderTest(t);
  for (const iss of [
    "https://attacker.example.com",
    `${bare.issuer}/`,
    bare.issuer.toUpperCase(),
    "constructor",
  ]) {
    const token = await sign(key, { iss, aud: "gatehouse", sub: "root", exp: 4_000_000_000 });
    await t.rejects(authenticator.authenticate({ token }), invalid, iss);
  }
  t.strictSame(bare.asked, []);
});

t.test("a token is verified by its own issuer's keys and no other provider's", async (t) => {
  const [corp, partner] = [await startBareProvider(tls), await startBareProvider(tls)];
  t.teardown(() => Promise.all([corp.stop(), partner.stop()]));
  const [corpKey, partnerKey] = [
    await createSigningKey("ES256", "k1"),
    await createSigningKey("ES256", "k1"),
  ];
  corp.publish(corpKey);
  partner.publish(partnerKey);
  const { authenticator } = authenticatorFor(
    t,
    configured(corp.issuer, { ca }),
    configured(partner.issuer, { ca, name: "partner" }),
  );
  const claims = { aud: "gatehouse", sub: "dana", exp: 4_000_000_000 };
  const honest = await sign(partnerKey, { ...claims, iss: partner.issuer });
  t.match(await authenticator.authenticate({ token: honest }), {
    proof: { provider: "partner", issuer: partner.issuer },
  });
  const crossed = await sign(partnerKey, { ...claims, iss: corp.issuer });
  await t.rejects(authenticator.authenticate({ token: crossed }), invalid);
});

t.test("a provider whose documents are wrong is not ready, and says why", async (t) => {
  const { bare, authenticator } = await bareUnderTest(t);
  bare.answers.set(
    discoveryPath,
    json({ issuer: "https://other.example.com", jwks_uri: `${bare.issuer}/jwks` }),
  );
  await authenticator.start();
  t.match(authenticator.status(), [{ ready: false, reason: /another issuer/ }]);
});

t.test("a credential that is no token is refused without asking anybody", async (t) => {
  const { bare, authenticator } = await bareUnderTest(t);
  for (const credential of ["", "..", "hunter2", "x".repeat(16 * 1024 + 1), "a.b.c".repeat(100_000)]) {
    await t.rejects(authenticator.authenticate({ token: credential }), invalid, credential.slice(0, 20));
  }
  t.strictSame(bare.asked, []);
});

t.test("a token that would hold, but for its length, is refused", async (t) => {
  const { bare, key, authenticator } = await bareUnderTest(t);
  const claims = { iss: bare.issuer, aud: "gatehouse", sub: "dana", exp: 4_000_000_000 };
  const long = await sign(key, { ...claims, padding: "x".repeat(16 * 1024) });
  await t.rejects(authenticator.authenticate({ token: long }), { ...invalid, message: /longer than 16384/ });
  t.strictSame(bare.asked, []);
});

t.test("two providers with one issuer are a mistake in the config", async (t) => {
  const twice = [
    configured("https://idp.example.com"),
    configured("https://idp.example.com", { name: "again" }),
  ];
  const options = { providers: twice, clock: createFakeClock(), log: createMemoryLog(), ...withoutKeys };
  t.throws(() => createAuthenticator(options), { code: "CONFIG_INVALID" });
});

async function bareUnderTest(t: Test) {
  const bare = await startBareProvider(tls);
  t.teardown(() => bare.stop());
  const key = await createSigningKey("ES256", "k1");
  bare.publish(key);
  return { bare, key, ...authenticatorFor(t, configured(bare.issuer, { ca })) };
}
