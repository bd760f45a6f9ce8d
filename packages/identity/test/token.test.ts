import { createHmac, generateKeyPairSync, sign as signBytes } from "node:crypto";
import type { TokenAlgorithm } from "@gatehouse/core";
import { CompactSign, createLocalJWKSet, exportSPKI, importJWK, UnsecuredJWT, type JWTPayload } from "jose";
import t from "tap";
import { claimedIssuer, endOf, MAX_TOKEN_LENGTH, refuseOversize, verifyToken } from "../src/token.ts";
import { configured, createSigningKey, sign, type SigningKey } from "./bare-provider.ts";

const issuer = "https://idp.example.com";
const second = 1000;
const now = 1_800_000_000 * second;
const es256 = await createSigningKey("ES256", "es");
const rs256 = await createSigningKey("RS256", "rs");
const stranger = await createSigningKey("ES256", "es");

const claims = (changes: JWTPayload = {}): JWTPayload => ({
  iss: issuer,
  aud: "gatehouse",
  sub: "dana",
  exp: now / second + 60,
  ...changes,
});

const without = (name: string): JWTPayload =>
  Object.fromEntries(Object.entries(claims()).filter(([claim]) => claim !== name));

const published = (...keys: SigningKey[]) => ({
  text: "",
  find: createLocalJWKSet({ keys: keys.map(({ publicJwk }) => publicJwk) }),
});

const verify = (
  token: string,
  options: {
    at?: number;
    clockSkew?: number;
    algorithms?: readonly TokenAlgorithm[];
    keys?: SigningKey[];
  } = {},
) => {
  const { at = now, clockSkew = 0, algorithms = ["ES256"], keys = [es256] } = options;
  return verifyToken(token, configured(issuer, { clockSkew, algorithms }), published(...keys), at);
};

const invalid = { code: "IDENTITY_INVALID" };
const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

t.test("a token that its issuer signed for this audience holds", async (t) => {
  t.match(await verify(await sign(es256, claims())), { sub: "dana" });
  t.match(await verify(await sign(es256, claims({ aud: ["other", "gatehouse"] }))), { sub: "dana" });
});

t.test("a signature by another key does not hold, even under the right key's name", async (t) => {
  await t.rejects(verify(await sign(stranger, claims())), invalid);
});

t.test("a token that was changed after it was signed does not hold", async (t) => {
  const [header = "", , signature = ""] = (await sign(es256, claims())).split(".");
  await t.rejects(verify(`${header}.${encoded(claims({ sub: "root" }))}.${signature}`), invalid);
  const [, payload = ""] = (await sign(es256, claims())).split(".");
  await t.rejects(verify(`${header}.${payload}.${signature.slice(0, -4)}`), invalid);
  await t.rejects(verify(`${header}.${payload}.`), invalid);
  await t.rejects(verify(`${header}.${payload}.${Buffer.alloc(64).toString("base64url")}`), invalid);
});

t.test("a token that names a key that is not published leads to no verdict", async (t) => {
  t.equal(await verify(await sign(es256, claims(), { kid: "other" })), undefined);
});

t.test("an unsigned token is refused for its algorithm", async (t) => {
  const algorithm = { code: "IDENTITY_ALGORITHM" };
  await t.rejects(verify(new UnsecuredJWT(claims()).encode()), algorithm);
  for (const alg of ["none", "None", "NONE", "nOnE"]) {
    await t.rejects(verify(`${encoded({ alg, kid: "es" })}.${encoded(claims())}.`), algorithm, alg);
  }
});

t.test("the public key is no shared secret", async (t) => {
  const key = await importJWK({ ...es256.publicJwk, ext: true }, "ES256", { extractable: true });
  t.ok(!(key instanceof Uint8Array));
  if (key instanceof Uint8Array) return;
  const signed = `${encoded({ alg: "HS256", kid: "es", typ: "at+jwt" })}.${encoded(claims())}`;
  for (const secret of [await exportSPKI(key), JSON.stringify(es256.publicJwk), ""]) {
    const mac = createHmac("sha256", secret).update(signed).digest("base64url");
    await t.rejects(verify(`${signed}.${mac}`), { code: "IDENTITY_ALGORITHM" });
  }
});

t.test(
  "an algorithm that the provider is not configured for is refused, its key being right or not",
  async (t) => {
    const token = await sign(rs256, claims());
    const keys = [es256, rs256];
    await t.rejects(verify(token, { keys }), { code: "IDENTITY_ALGORITHM" });
    t.match(await verify(token, { keys, algorithms: ["RS256"] }), { sub: "dana" });
  },
);

t.test("a key that the token brings along, or points to, is not looked at", async (t) => {
  const jwk = { ...stranger.publicJwk };
  const jku = "https://attacker.example.com/jwks";
  const x5u = "https://attacker.example.com/cert";
  const headers: Record<string, unknown>[] = [
    { jwk },
    { jku },
    { x5u },
    { x5c: ["MIIB"] },
    { jwk, jku, x5u },
  ];
  for (const header of headers) {
    const what = Object.keys(header).join();
    await t.rejects(verify(await sign(stranger, claims(), header)), invalid, what);
    t.match(await verify(await sign(es256, claims(), header)), { sub: "dana" }, what);
  }
});

t.test("an extension that has to be understood, and is not, refuses the token", async (t) => {
  const token = await new CompactSign(Buffer.from(JSON.stringify(claims())))
    .setProtectedHeader({ alg: "ES256", kid: "es", crit: ["bound"], bound: true })
    .sign(es256.privateKey, { crit: { bound: true } });
  await t.rejects(verify(token), invalid);
});

t.test("a token of another issuer or audience is refused", async (t) => {
  for (const iss of [`${issuer}/`, "https://IDP.example.com", "", "https://other.example.com"]) {
    await t.rejects(verify(await sign(es256, claims({ iss }))), invalid, iss);
  }
  const audience = { code: "IDENTITY_AUDIENCE" };
  for (const aud of ["other", "", "Gatehouse", "gatehouse2", [], ["other"]]) {
    await t.rejects(verify(await sign(es256, claims({ aud }))), audience, JSON.stringify(aud));
  }
  await t.rejects(verify(await sign(es256, without("aud"))), audience);
});

t.test("a token without an expiry, or with one that is no time, is refused", async (t) => {
  await t.rejects(verify(await sign(es256, without("exp"))), { ...invalid, message: /claim exp is missing/ });
  for (const exp of ["1e999", "1e300", '"4000000000"', "null", "true"]) {
    const payload = `{"iss":"${issuer}","aud":"gatehouse","sub":"dana","exp":${exp}}`;
    const token = await new CompactSign(Buffer.from(payload))
      .setProtectedHeader({ alg: "ES256", kid: "es" })
      .sign(es256.privateKey);
    await t.rejects(verify(token), invalid, exp);
  }
  t.equal(endOf({ exp: 10 }, configured(issuer, { clockSkew: 500 })), 10_500);
});

t.test("a token holds until its expiry plus the skew, to the millisecond", async (t) => {
  const exp = now / second;
  const expired = { code: "IDENTITY_EXPIRED" };
  for (const clockSkew of [0, 1, 1500, 60_000]) {
    const token = await sign(es256, claims({ exp }));
    t.match(
      await verify(token, { clockSkew, at: now + clockSkew - 1 }),
      { sub: "dana" },
      `${clockSkew} before`,
    );
    await t.rejects(verify(token, { clockSkew, at: now + clockSkew }), expired, `${clockSkew} at`);
  }
  await t.rejects(verify(await sign(es256, claims({ exp: exp - 3600 }))), expired);
  const fraction = await sign(es256, claims({ exp: exp + 0.5 }));
  t.match(await verify(fraction, { at: now + 499 }), { sub: "dana" });
  await t.rejects(verify(fraction, { at: now + 500 }), expired);
});

t.test("a token does not hold before its start less the skew", async (t) => {
  const nbf = now / second;
  const notYet = { code: "IDENTITY_NOT_YET" };
  const token = await sign(es256, claims({ nbf }));
  for (const clockSkew of [0, 60_000]) {
    t.match(await verify(token, { clockSkew, at: now - clockSkew }), { sub: "dana" });
    await t.rejects(verify(token, { clockSkew, at: now - clockSkew - 1 }), notYet);
  }
  const soon = Object.fromEntries([...Object.entries(claims()), ["nbf", "soon"]]);
  await t.rejects(verify(await sign(es256, soon)), invalid);
});

t.test("only tokens for access are let through", async (t) => {
  for (const typ of ["at+jwt", "AT+JWT", "application/at+jwt", "JWT", "jwt", undefined]) {
    t.match(await verify(await sign(es256, claims(), { typ })), { sub: "dana" }, String(typ));
  }
  for (const typ of ["logout+jwt", "dpop+jwt", "secevent+jwt", "", "application/jwt/at+jwt"]) {
    await t.rejects(verify(await sign(es256, claims(), { typ })), invalid, typ);
  }
});

t.test("a token that could be of several keys, and names none, is refused", async (t) => {
  const token = await sign(es256, claims(), { kid: undefined });
  t.match(await verify(token), { sub: "dana" }, "one key leaves no doubt");
  const other = await createSigningKey("ES256", "other");
  await t.rejects(verify(token, { keys: [es256, other] }), invalid);
});

t.test("a published key that is too short verifies nothing", async (t) => {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
  const signed = `${encoded({ alg: "RS256", kid: "short" })}.${encoded(claims())}`;
  const token = `${signed}.${signBytes("sha256", Buffer.from(signed), privateKey).toString("base64url")}`;
  const publicJwk = { ...publicKey.export({ format: "jwk" }), kid: "short", alg: "RS256" };
  const refused = verify(token, { algorithms: ["RS256"], keys: [{ ...rs256, publicJwk }] });
  await t.rejects(refused, { ...invalid, message: /2048/ });
});

t.test("what has not the form of a token is refused before anything is verified", async (t) => {
  const token = await sign(es256, claims());
  const garbage = [
    "",
    ".",
    "..",
    "...",
    "hunter2",
    "a.b",
    "a.b.c.d.e",
    ` ${token}`,
    `${token}\n`,
    `Bearer ${token}`,
  ];
  const parts = [
    `${encoded({ alg: "ES256" })}.${encoded([])}.AAAA`,
    `x.${encoded("dana")}.y`,
    "AA.AA.AA",
    "é.é.é",
  ];
  for (const credential of [...garbage, ...parts])
    t.throws(() => claimedIssuer(credential), invalid, credential);
  for (const iss of [undefined, 7, null, [issuer]]) {
    t.throws(() => claimedIssuer(`x.${encoded({ iss })}.y`), invalid, JSON.stringify(iss));
  }
  const nested = Buffer.from("[".repeat(11_000)).toString("base64url");
  t.throws(() => claimedIssuer(`x.${nested}.y`), invalid);
  t.equal(claimedIssuer(token), issuer);
});

t.test("a credential of more than 16 KiB is refused by its length", async (t) => {
  t.throws(() => refuseOversize("a".repeat(MAX_TOKEN_LENGTH + 1)), invalid);
  t.doesNotThrow(() => refuseOversize("a".repeat(MAX_TOKEN_LENGTH)));
});

t.test("no error quotes the token", async (t) => {
  const tokens = [
    await sign(stranger, claims()),
    await sign(es256, claims({ exp: 1 })),
    await sign(es256, claims({ aud: "s3cret" })),
    await sign(es256, without("exp")),
    await sign(es256, claims(), { typ: "s3cret" }),
    new UnsecuredJWT(claims()).encode(),
  ];
  for (const token of tokens) {
    const error = await verify(token).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    t.type(error, Error);
    const shown =
      error instanceof Error ? `${error.message} ${JSON.stringify(error)} ${String(error.cause)}` : "";
    for (const part of [...token.split(".").filter((part) => part !== ""), "s3cret", "dana"]) {
      t.notMatch(shown, part);
    }
  }
});
