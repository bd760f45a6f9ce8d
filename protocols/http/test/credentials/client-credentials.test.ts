import { once } from "node:events";
import { writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { inspect } from "node:util";
import { createAuthority } from "@gatehouse/certs";
import { GatehouseError, type Lease } from "@gatehouse/core";
import { createFakeClock } from "@gatehouse/testkit";
import t, { type Test } from "tap";
import { ClientCredentials } from "../../src/credentials/client-credentials.ts";
import { askIssuer } from "../../src/credentials/issuer.ts";
import type { OauthSetting } from "../../src/credentials/setting.ts";
import { leaseOf } from "../heads.ts";

const CLIENT_SECRET = "s3cret+of/theirs";
const authority = await createAuthority({ name: "Test CA", now: Date.now() });
const pair = await authority.issue({
  use: "server",
  commonName: "idp",
  names: ["127.0.0.1"],
  now: Date.now(),
});

interface Asked {
  readonly authorization: string | undefined;
  readonly form: URLSearchParams;
}

type Answer = (response: ServerResponse, count: number) => void;

const grant =
  (more: Readonly<Record<string, unknown>> = {}): Answer =>
  (response, count) => {
    const token = { access_token: `tok-${count}`, token_type: "Bearer", expires_in: 600, ...more };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(token));
  };

const answerWith =
  (status: number, text: string, headers: Readonly<Record<string, string>> = {}): Answer =>
  (response) => {
    response.writeHead(status, headers).end(text);
  };

/** An issuer of tokens, and who asks it. */
async function site(t: Test, first: Answer = grant()) {
  const asked: Asked[] = [];
  let answer = first;
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const body = Buffer.concat(await request.toArray());
    asked.push({
      authorization: request.headers.authorization,
      form: new URLSearchParams(body.toString()),
    });
    answer(response, asked.length);
  };
  const server = createServer({ cert: pair.certificatePem, key: pair.key.reveal() }, (request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const ca = join(t.testdir(), "ca.crt");
  writeFileSync(ca, authority.certificatePem);
  const clock = createFakeClock();
  const tokens = new ClientCredentials({ clock, ask: askIssuer, deadline: 1000 });
  t.teardown(() => {
    tokens.close();
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const setting: OauthSetting = { tokenUrl: `https://127.0.0.1:${port}/token`, clientAuth: "basic", ca };
  const request = (
    more: Partial<OauthSetting> = {},
    lease: Lease = leaseOf("client a", CLIENT_SECRET),
    level = "reader",
  ) => ({
    ...{ target: "orders", level, lease },
    setting: { ...setting, ...more },
  });
  const token = async (more: Partial<OauthSetting> = {}, lease?: Lease, level?: string) =>
    (await tokens.token(request(more, lease, level))).reveal();
  const answers = (next: Answer) => {
    answer = next;
  };
  return { asked, clock, tokens, token, request, answers };
}

async function refusal(tokens: Promise<unknown>): Promise<GatehouseError> {
  const error: unknown = await tokens.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof GatehouseError && error.code === "TARGET_AUTHENTICATION") return error;
  throw new Error(`not refused: ${inspect(error)}`);
}

t.test("a token is asked for by the client's name and secret, and kept", async (t) => {
  const { asked, token } = await site(t);
  t.equal(await token({ scope: "read write", audience: "orders" }), "tok-1");
  t.equal(await token({ scope: "read write", audience: "orders" }), "tok-1");
  t.equal(asked.length, 1);
  const [question] = asked;
  const basic = Buffer.from(question?.authorization?.slice("Basic ".length) ?? "", "base64").toString();
  t.equal(basic, "client+a:s3cret%2Bof%2Ftheirs");
  t.same(Object.fromEntries(question?.form ?? []), {
    ...{ grant_type: "client_credentials", scope: "read write", audience: "orders" },
  });
});

t.test("an issuer that wants the secret in the body gets it there alone", async (t) => {
  const { asked, token } = await site(t);
  await token({ clientAuth: "body" });
  t.equal(asked[0]?.authorization, undefined);
  t.match(Object.fromEntries(asked[0]?.form ?? []), { client_id: "client a", client_secret: CLIENT_SECRET });
});

t.test("all that need a token at the same time wait for one answer", async (t) => {
  const { asked, token } = await site(t);
  t.same(new Set(await Promise.all(Array.from({ length: 50 }, () => token()))), new Set(["tok-1"]));
  t.equal(asked.length, 1);
});

t.test("another level, secret, or scope is another token", async (t) => {
  const { token } = await site(t);
  t.equal(await token(), "tok-1");
  t.equal(await token({}, leaseOf("client a", CLIENT_SECRET), "writer"), "tok-2");
  t.equal(await token({}, leaseOf("client a", "another")), "tok-3");
  t.equal(await token({ scope: "x" }), "tok-4");
  t.equal(await token(), "tok-1");
});

t.test("a token is renewed before its end, and nobody waits for that", async (t) => {
  const { asked, clock, token, answers } = await site(t);
  t.equal(await token(), "tok-1");
  clock.advance(539_000);
  t.equal(await token(), "tok-1");
  t.equal(asked.length, 1);
  clock.advance(2_000);
  const renewed = new Promise<void>((resolve) => {
    answers((response, count) => {
      response.on("close", resolve);
      grant()(response, count);
    });
  });
  t.equal(await token(), "tok-1", "the old one, meanwhile");
  await renewed;
  t.equal(asked.length, 2);
  clock.advance(61_000);
  t.equal(await token(), "tok-2", "behind the old one's end");
  clock.advance(600_000);
  answers(answerWith(500, ""));
  await refusal(token());
});

t.test("an issuer that fails is asked once in a while, and a good token outlives that", async (t) => {
  const { asked, clock, token, answers } = await site(t, answerWith(503, "down"));
  await refusal(token());
  await refusal(token());
  t.equal(asked.length, 1);
  clock.advance(2_001);
  answers(grant());
  t.equal(await token(), "tok-2");
});

t.test("a token that the target did not take is not used again", async (t) => {
  const { tokens, token, request } = await site(t);
  const first = await tokens.token(request());
  tokens.reject(request(), first);
  t.equal(await token(), "tok-2");
  tokens.reject(request(), first);
  t.equal(await token(), "tok-2", "an older one's refusal says nothing of it");
});

t.test("what is no token is refused, without a word of what was sent or answered", async (t) => {
  const echo = `${CLIENT_SECRET} tok-9`;
  const answers: readonly (readonly [Answer, RegExp])[] = [
    [
      answerWith(401, JSON.stringify({ error: "invalid_client", error_description: echo })),
      /401 \(invalid_client\)/,
    ],
    [answerWith(400, JSON.stringify({ error: echo })), /status 400;/],
    [answerWith(400, echo), /status 400;/],
    [answerWith(302, "", { location: "https://127.0.0.1:1/" }), /status 302;/],
    [answerWith(200, echo), /no bearer's token/],
    [answerWith(200, ""), /no bearer's token/],
    [grant({ token_type: "mac" }), /no bearer's token/],
    [grant({ access_token: "tok-9\r\nX: y" }), /no bearer's token/],
    [grant({ access_token: "" }), /no bearer's token/],
    [grant({ expires_in: -5 }), /no bearer's token/],
    [answerWith(200, `"${"tok-9".repeat(20_000)}"`), /did not answer/],
    [(response) => void response.destroy(), /did not answer/],
    [() => undefined, /did not answer in time/],
  ];
  const { clock, token, answers: answer } = await site(t);
  for (const [given, said] of answers) {
    clock.advance(10_000);
    answer(given);
    const error = await refusal(token());
    t.match(error.message, said);
    t.notMatch(inspect(error, { depth: 9 }), /s3cret|tok-9/);
  }
});

t.test("an issuer that does not prove who it is gets no secret", async (t) => {
  const { asked, token, request } = await site(t);
  const { ca: _, ...unknown } = request().setting;
  const tokens = new ClientCredentials({ clock: createFakeClock(), ask: askIssuer });
  t.teardown(() => tokens.close());
  const error = await refusal(tokens.token({ ...request(), setting: unknown }));
  t.match(error.message, /did not answer/);
  t.equal(asked.length, 0);
  t.equal(await token(), "tok-1");
});
