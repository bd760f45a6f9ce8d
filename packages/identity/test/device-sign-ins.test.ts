import { join } from "node:path";
import { type Address, type Authenticator, type OidcProvider, Secret, type SignIn } from "@gatehouse/core";
import { createFakeClock, createMemoryLog, peopleClient, startOidcProvider } from "@gatehouse/testkit";
import t, { type Test } from "tap";
import { MOST_OF_ADDRESS, MOST_SIGN_INS } from "../src/device-sign-ins.ts";
import { createAuthenticator } from "../src/index.ts";
import {
  type Answer,
  configured,
  discoveryPath,
  json,
  mintTls,
  startBareProvider,
  withoutKeys,
} from "./bare-provider.ts";

const tls = await mintTls();
const ca = join(t.testdir({ "ca.crt": tls.ca }), "ca.crt");
const device = { clientId: peopleClient, scopes: ["openid"] };
const unavailable = { code: "IDENTITY_UNAVAILABLE" };

function authenticatorFor(t: Test, provider: OidcProvider) {
  const secret = () => Promise.resolve(new Secret("hunter2"));
  const options = {
    ...withoutKeys,
    providers: [provider],
    clock: createFakeClock(),
    log: createMemoryLog(),
    secret,
  };
  const authenticator = createAuthenticator(options);
  t.teardown(() => authenticator.close());
  return authenticator;
}

const client = { host: "192.0.2.7", port: 50_000 };

async function begin(
  authenticator: Authenticator,
  gone = new AbortController().signal,
  from: Address = client,
): Promise<SignIn> {
  const signIn = await authenticator.signIn(from, gone);
  if (signIn) return signIn;
  throw new Error("nobody is asked to sign in");
}

/** A real provider (`oidc-provider`) that knows dana. */
async function underTest(t: Test) {
  const provider = await startOidcProvider({
    ...{ tls, audience: "gatehouse", clients: [], tokenLifetime: 600_000 },
    people: [{ name: "dana", groups: ["dba"] }],
  });
  t.teardown(() => provider.stop().catch(() => undefined));
  return { provider, authenticator: authenticatorFor(t, configured(provider.issuer, { ca, device })) };
}

/** A provider that gives out codes, and answers questions about them as a test says. */
async function bareUnderTest(t: Test, token: Answer, given: Readonly<Record<string, unknown>> = {}) {
  const bare = await startBareProvider(tls);
  t.teardown(() => bare.stop());
  const { issuer, answers } = bare;
  const endpoints = {
    device_authorization_endpoint: `${issuer}/device/auth`,
    token_endpoint: `${issuer}/token`,
  };
  answers.set(discoveryPath, json({ issuer, jwks_uri: `${issuer}/jwks`, ...endpoints }));
  const code = {
    device_code: "d",
    user_code: "ABCD-EFGH",
    verification_uri: `${issuer}/device`,
    expires_in: 600,
  };
  answers.set("/device/auth", json({ ...code, interval: 1, ...given }));
  answers.set("/token", token);
  const clientSecret = { from: "env", name: "DEVICE" } as const;
  const of = configured(issuer, { ca, device: { ...device, clientSecret } });
  return { bare, authenticator: authenticatorFor(t, of) };
}

const refusal =
  (error: string): Answer =>
  (request, response) => {
    request.resume();
    response.writeHead(400, { "content-type": "application/json" }).end(JSON.stringify({ error }));
  };

t.test(
  "whoever goes to the address and types the code in is let in, and whoever says no there is not",
  async (t) => {
    const { provider, authenticator } = await underTest(t);
    const [yes, no] = await Promise.all([begin(authenticator), begin(authenticator)]);
    t.match(yes, { url: `${provider.issuer}/device`, code: /^[A-Z]{4}-[A-Z]{4}$/, until: Number });
    t.equal(yes.complete, `${yes.url}?user_code=${yes.code}`);
    await provider.answerDevice(yes.code, "dana");
    await provider.answerDevice(no.code, "dana", "deny");
    await t.rejects(no.token, { code: "IDENTITY_INVALID", message: /denied/ });
    const token = await yes.token;
    t.match(await authenticator.authenticate({ token }), { subject: "dana", kind: "human", groups: ["dba"] });
  },
);

t.test("a client that leaves ends it, and so does a gateway that stops", async (t) => {
  const { authenticator } = await bareUnderTest(t, refusal("authorization_pending"));
  const gone = new AbortController();
  const [left, kept] = [await begin(authenticator, gone.signal), await begin(authenticator)];
  gone.abort(new Error("the client has gone"));
  await t.rejects(left.token, { ...unavailable, message: /the client has gone/ });
  authenticator.close();
  await t.rejects(kept.token, { ...unavailable, message: /shutting down/ });
});

t.test("a code that nobody has typed in in time is worth nothing", async (t) => {
  const late = { code: "IDENTITY_EXPIRED" };
  const { authenticator } = await bareUnderTest(t, refusal("expired_token"));
  await t.rejects((await begin(authenticator)).token, late, "as the provider says");
  const { authenticator: other } = await bareUnderTest(t, refusal("authorization_pending"), {
    expires_in: 1,
  });
  await t.rejects((await begin(other)).token, late, "as the gateway counts");
});

t.test("a client that has a secret proves itself by it", async (t) => {
  let shown: string | undefined;
  const { authenticator } = await bareUnderTest(t, (request, response) => {
    shown = request.headers.authorization;
    json({ access_token: "a.b.c", token_type: "bearer" })(request, response);
  });
  const signIn = await begin(authenticator);
  t.equal(await signIn.token, "a.b.c");
  const proved = Buffer.from(shown?.replace("Basic ", "") ?? "", "base64").toString();
  t.equal(decodeURIComponent(proved), `${peopleClient}:hunter2`);
});

t.test("without a client for it nobody can sign in", async (t) => {
  const authenticator = authenticatorFor(t, configured("https://127.0.0.1:1"));
  t.equal(await authenticator.signIn(client, new AbortController().signal), undefined);
});

t.test("a provider that is down, or sends people where no TLS is, is not shown to anybody", async (t) => {
  const down = authenticatorFor(t, configured("https://127.0.0.1:1", { ca, device }));
  await t.rejects(begin(down), unavailable);
  for (const given of [
    { verification_uri: "http://idp.example.com/device" },
    { verification_uri_complete: "javascript:alert(1)" },
    { user_code: "AB\u001b[2J" },
  ]) {
    const { authenticator } = await bareUnderTest(t, refusal("authorization_pending"), given);
    await t.rejects(begin(authenticator), unavailable, JSON.stringify(given));
  }
});

t.test("no more wait at once than may, and one that has ended makes room", async (t) => {
  const { authenticator } = await bareUnderTest(t, refusal("authorization_pending"), { interval: 600 });
  const gone = new AbortController();
  const from = (count: number) => ({ host: `192.0.2.${Math.floor(count / MOST_OF_ADDRESS)}`, port: 50_000 });
  const first = await begin(authenticator, gone.signal, from(0));
  const rest = Array.from({ length: MOST_SIGN_INS - 1 }, (_, count) =>
    begin(authenticator, undefined, from(count + 1)),
  );
  t.equal((await Promise.all(rest)).length, MOST_SIGN_INS - 1);
  const other = { host: "198.51.100.1", port: 50_000 };
  await t.rejects(begin(authenticator, undefined, other), { ...unavailable, message: /now as may/ });
  gone.abort(new Error("gone"));
  await t.rejects(first.token, unavailable);
  t.ok(await begin(authenticator, undefined, other));
});

t.test("one address has a share of them, and no more", async (t) => {
  const { authenticator } = await bareUnderTest(t, refusal("authorization_pending"), { interval: 600 });
  const gone = new AbortController();
  const first = await begin(authenticator, gone.signal);
  await Promise.all(Array.from({ length: MOST_OF_ADDRESS - 1 }, () => begin(authenticator)));
  await t.rejects(begin(authenticator), { ...unavailable, message: /from this address/ });
  t.ok(await begin(authenticator, undefined, { host: "192.0.2.8", port: 50_000 }), "others have theirs");
  gone.abort(new Error("gone"));
  await t.rejects(first.token, unavailable);
  t.ok(await begin(authenticator));
  await t.rejects(begin(authenticator), unavailable);
});
