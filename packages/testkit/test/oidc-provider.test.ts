import { request } from "node:https";
import { connect } from "node:net";
import { createAuthority } from "@gatehouse/certs";
import t, { type Test } from "tap";
import { peopleClient, startOidcProvider, type OidcProviderOptions } from "../src/index.ts";

const now = Date.now();
const authority = await createAuthority({ name: "testkit CA", now });
const pair = await authority.issue({ use: "server", commonName: "idp", names: ["127.0.0.1"], now });

async function underTest(t: Test, changes: Partial<OidcProviderOptions> = {}) {
  const provider = await startOidcProvider({
    tls: { cert: pair.certificatePem, key: pair.key.reveal() },
    audience: "gatehouse",
    clients: [{ name: "crew-analyst", groups: ["crew-analyst"] }],
    people: [{ name: "dana", groups: ["dba", "sre"] }],
    tokenLifetime: 60_000,
    ...changes,
  });
  t.teardown(() => provider.stop().catch(() => undefined));
  return provider;
}

function decode(token: string): { header: unknown; claims: unknown } {
  const [header, claims] = token
    .split(".", 2)
    .map((part): unknown => JSON.parse(Buffer.from(part, "base64url").toString()));
  return { header, claims };
}

t.test("a client's token says that it is a workload's, for the audience, with its groups", async (t) => {
  const provider = await underTest(t);
  t.match(decode(await provider.token("crew-analyst")), {
    header: { alg: "ES256", typ: "at+jwt", kid: String },
    claims: {
      iss: provider.issuer,
      aud: "gatehouse",
      sub: "crew-analyst",
      client_id: "crew-analyst",
      groups: ["crew-analyst"],
    },
  });
});

t.test("a person's token has the person as its subject, and another client", async (t) => {
  const provider = await underTest(t, { algorithm: "RS256" });
  t.match(decode(await provider.token("dana")), {
    header: { alg: "RS256", typ: "at+jwt" },
    claims: { aud: "gatehouse", sub: "dana", client_id: "gatehouse-cli", groups: ["dba", "sre"] },
  });
});

t.test("tokens live as long as they were said to", async (t) => {
  const provider = await underTest(t, { tokenLifetime: 90_000 });
  for (const name of ["dana", "crew-analyst"]) {
    const { claims } = decode(await provider.token(name));
    t.ok(typeof claims === "object" && claims !== null && "iat" in claims && "exp" in claims);
    if (typeof claims === "object" && claims !== null && "iat" in claims && "exp" in claims) {
      t.equal(Number(claims.exp) - Number(claims.iat), 90, name);
    }
  }
});

t.test("a name that was not given gets no token, and one name can't be two accounts'", async (t) => {
  const provider = await underTest(t);
  await t.rejects(provider.token("mallory"), /knows no "mallory"/);
  await t.rejects(underTest(t, { clients: [{ name: "dana", groups: [] }] }), /its own name/);
});

t.test("a new key signs after a rotation", async (t) => {
  const provider = await underTest(t);
  const before = decode(await provider.token("dana")).header;
  t.strictSame(decode(await provider.token("dana")).header, before);
  provider.rotateKeys();
  t.notSame(decode(await provider.token("dana")).header, before);
});

t.test("it can be stopped, and started again where it was", async (t) => {
  const provider = await underTest(t);
  await provider.stop();
  await t.rejects(provider.token("crew-analyst"), { code: "ECONNREFUSED" });
  await provider.start();
  t.match(decode(await provider.token("crew-analyst")), { claims: { iss: provider.issuer } });
});

t.test("a program may ask for a device code (RFC 8628 section 3.1)", async (t) => {
  const { issuer } = await underTest(t);
  const answer = await new Promise<unknown>((resolve, reject) => {
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const options = { method: "POST", agent: false, ca: authority.certificatePem, headers };
    const sent = request(`${issuer}/device/auth`, options, (response) => {
      response.setEncoding("utf8");
      response.on("data", (text: string) => resolve(JSON.parse(text)));
    });
    sent.on("error", reject);
    sent.end(new URLSearchParams({ client_id: peopleClient }).toString());
  });
  t.match(answer, { user_code: String, device_code: String, verification_uri: `${issuer}/device` });
});

t.test("it speaks TLS and nothing else", async (t) => {
  const { port } = new URL((await underTest(t)).issuer);
  const answer = await new Promise<string>((resolve) => {
    const socket = connect(Number(port), "127.0.0.1", () =>
      socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    );
    let text = "";
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => {
      text += chunk;
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(text));
  });
  t.notMatch(answer, "HTTP/1.1 2");
});

t.test("it prints nothing", async (t) => {
  const printed = (["log", "info", "warn", "error"] as const).map((name) => t.capture(console, name));
  const provider = await underTest(t);
  await provider.token("dana");
  await provider.token("crew-analyst");
  provider.rotateKeys();
  for (const calls of printed) t.strictSame(calls(), []);
});
