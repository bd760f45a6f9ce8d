import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import { Secret } from "@gatehouse/core";
import t from "tap";
import { ScramClient } from "../src/scram.ts";

const broken = { code: "TARGET_AUTHENTICATION" };

/** The server's side of RFC 5802 section 3, written from its formulas. */
function server(password: string, salt: Buffer, iterations: number, authMessage: string) {
  const salted = pbkdf2Sync(password, salt, iterations, 32, "sha256");
  const hmac = (key: Buffer, text: string) => createHmac("sha256", key).update(text).digest();
  const clientKey = hmac(salted, "Client Key");
  const signature = hmac(createHash("sha256").update(clientKey).digest(), authMessage);
  const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0)));
  return {
    proof: proof.toString("base64"),
    signature: hmac(hmac(salted, "Server Key"), authMessage).toString("base64"),
  };
}

/** RFC 7677 section 3. */
const nonce = "rOprNGfwEbeRWgbNEkqO";
const serverNonce = `${nonce}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0`;
const salt = "W22ZaJ0SNY7soEsUEjb6gQ==";
const serverFirst = `r=${serverNonce},s=${salt},i=4096`;

t.test("the server's side that the tests use gives the values of RFC 7677 section 3", async (t) => {
  const authMessage = `n=user,r=${nonce},${serverFirst},c=biws,r=${serverNonce}`;
  t.strictSame(server("pencil", Buffer.from(salt, "base64"), 4096, authMessage), {
    proof: "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    signature: "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
  });
});

t.test("the exchange of RFC 7677 section 3, with the empty user name that PostgreSQL ignores", async (t) => {
  const client = new ScramClient(new Secret("pencil"), nonce);
  t.equal(client.first(), `n,,n=,r=${nonce}`);
  const authMessage = `n=,r=${nonce},${serverFirst},c=biws,r=${serverNonce}`;
  const expected = server("pencil", Buffer.from(salt, "base64"), 4096, authMessage);
  t.equal(await client.final(serverFirst), `c=biws,r=${serverNonce},p=${expected.proof}`);
  client.verify(`v=${expected.signature}`);
});

t.test("a server that does not know the verifier is found out", async (t) => {
  const client = new ScramClient(new Secret("pencil"), nonce);
  t.throws(() => client.verify("v="), broken, "before the exchange");
  await client.final(serverFirst);
  const wrong = Buffer.alloc(32, 1).toString("base64");
  for (const last of [`v=${wrong}`, "v=", "", "e=other-error", "v=AAAA", "x=1"]) {
    t.throws(() => client.verify(last), broken, last);
  }
});

t.test("a nonce that does not go on from the client's own is refused", async (t) => {
  for (const other of ["", "x", nonce, nonce.slice(1), `x${nonce}`]) {
    const client = new ScramClient(new Secret("pencil"), nonce);
    await t.rejects(client.final(`r=${other},s=${salt},i=4096`), broken, other);
  }
});

t.test("iterations and salt outside of their bounds are refused before any work is done", async (t) => {
  for (const rest of ["i=0", "i=-1", "i=1000001", "i=1e9", "i=4096.5", "i=", "i=x", ""]) {
    const client = new ScramClient(new Secret("pencil"), nonce);
    await t.rejects(client.final(`r=${serverNonce},s=${salt},${rest}`), broken, rest);
  }
  const client = new ScramClient(new Secret("pencil"), nonce);
  await t.rejects(client.final(`r=${serverNonce},s=,i=4096`), broken);
});

t.test("the password is prepared by SASLprep, and taken as it is where that can't be", async (t) => {
  for (const [password, prepared] of [
    ["I\u00adX", "IX"],
    ["\u2168", "IX"],
    ["a\u00a0b", "a b"],
    ["\u0007", "\u0007"],
  ] as const) {
    const client = new ScramClient(new Secret(password), nonce);
    const authMessage = `n=,r=${nonce},${serverFirst},c=biws,r=${serverNonce}`;
    const { proof } = server(prepared, Buffer.from(salt, "base64"), 4096, authMessage);
    t.match(await client.final(serverFirst), `p=${proof}`);
  }
});

t.test("every exchange has a nonce of its own", async (t) => {
  const secret = new Secret("pencil");
  t.not(new ScramClient(secret).first(), new ScramClient(secret).first());
});
