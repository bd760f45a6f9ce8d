import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import { inspect } from "node:util";
import { Secret } from "@gatehouse/core";
import t from "tap";
import { type ChannelBinding, ScramClient } from "../src/scram.ts";
import { ScramKeyring } from "../src/scram-keys.ts";

const broken = { code: "TARGET_AUTHENTICATION" };
const none: ChannelBinding = { kind: "none" };

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
  const client = new ScramClient(new Secret("pencil"), none, nonce);
  t.equal(client.first(), `n,,n=,r=${nonce}`);
  const authMessage = `n=,r=${nonce},${serverFirst},c=biws,r=${serverNonce}`;
  const expected = server("pencil", Buffer.from(salt, "base64"), 4096, authMessage);
  t.equal(await client.final(serverFirst), `c=biws,r=${serverNonce},p=${expected.proof}`);
  client.verify(`v=${expected.signature}`);
});

t.test("a server that does not know the verifier is found out", async (t) => {
  const client = new ScramClient(new Secret("pencil"), none, nonce);
  t.throws(() => client.verify("v="), broken, "before the exchange");
  await client.final(serverFirst);
  const wrong = Buffer.alloc(32, 1).toString("base64");
  for (const last of [`v=${wrong}`, "v=", "", "e=other-error", "v=AAAA", "x=1"]) {
    t.throws(() => client.verify(last), broken, last);
  }
});

t.test("a nonce that does not go on from the client's own is refused", async (t) => {
  for (const other of ["", "x", nonce, nonce.slice(1), `x${nonce}`]) {
    const client = new ScramClient(new Secret("pencil"), none, nonce);
    await t.rejects(client.final(`r=${other},s=${salt},i=4096`), broken, other);
  }
});

t.test("iterations and salt outside of their bounds are refused before any work is done", async (t) => {
  for (const rest of ["i=0", "i=-1", "i=1000001", "i=1e9", "i=4096.5", "i=", "i=x", "", "i=4096,x=1"]) {
    const client = new ScramClient(new Secret("pencil"), none, nonce);
    await t.rejects(client.final(`r=${serverNonce},s=${salt},${rest}`), broken, rest);
  }
  for (const other of ["", "====", Buffer.alloc(1025).toString("base64")]) {
    const client = new ScramClient(new Secret("pencil"), none, nonce);
    await t.rejects(client.final(`r=${serverNonce},s=${other},i=4096`), broken, other.slice(0, 10));
  }
});

t.test("the password is prepared by SASLprep, and taken as it is where that can't be", async (t) => {
  for (const [password, prepared] of [
    ["I\u00adX", "IX"],
    ["\u2168", "IX"],
    ["a\u00a0b", "a b"],
    ["\u0007", "\u0007"],
  ] as const) {
    const client = new ScramClient(new Secret(password), none, nonce);
    const authMessage = `n=,r=${nonce},${serverFirst},c=biws,r=${serverNonce}`;
    const { proof } = server(prepared, Buffer.from(salt, "base64"), 4096, authMessage);
    t.match(await client.final(serverFirst), `p=${proof}`);
  }
});

t.test("an extension that must be understood is not passed over", async (t) => {
  const client = new ScramClient(new Secret("pencil"), none, nonce);
  await t.rejects(client.final(`m=new,${serverFirst}`), broken);
});

t.test("what is said of channel binding is signed with the rest", async (t) => {
  const data = randomBytes(32);
  for (const [binding, header, bound] of [
    [{ kind: "unoffered" }, "y,,", "eSws"],
    [
      { kind: "bound", data },
      "p=tls-server-end-point,,",
      Buffer.concat([Buffer.from("p=tls-server-end-point,,"), data]).toString("base64"),
    ],
  ] as const) {
    const client = new ScramClient(new Secret("pencil"), binding, nonce);
    t.equal(client.first(), `${header}n=,r=${nonce}`);
    const authMessage = `n=,r=${nonce},${serverFirst},c=${bound},r=${serverNonce}`;
    const expected = server("pencil", Buffer.from(salt, "base64"), 4096, authMessage);
    t.equal(await client.final(serverFirst), `c=${bound},r=${serverNonce},p=${expected.proof}`);
    client.verify(`v=${expected.signature}`);
  }
});

t.test("keys are those of their password, salt and count, whichever were asked for before", async (t) => {
  const keyring = new ScramKeyring(2);
  const salts = [Buffer.from("one"), Buffer.from("two")];
  const seen = new Map<string, string>();
  // Twice, so that each is taken from memory or derived again, with only two of the eight kept.
  for (let round = 0; round < 2; round++) {
    for (const password of ["a", "b"]) {
      for (const salt of salts) {
        for (const iterations of [100, 101]) {
          const { clientKey, serverKey } = await keyring.keys(new Secret(password), salt, iterations);
          const salted = pbkdf2Sync(password, salt, iterations, 32, "sha256");
          t.strictSame(clientKey, createHmac("sha256", salted).update("Client Key").digest());
          t.strictSame(serverKey, createHmac("sha256", salted).update("Server Key").digest());
          seen.set(clientKey.toString("hex"), password);
        }
      }
    }
  }
  t.equal(seen.size, 8);
});

t.test("connections that begin at once share one derivation, and it can't be printed", async (t) => {
  const keyring = new ScramKeyring();
  const asked = Array.from({ length: 3 }, () => keyring.keys(new Secret("pencil"), Buffer.from(salt), 4096));
  const [first, ...others] = await Promise.all(asked);
  for (const other of others) t.equal(other, first);
  t.notMatch(inspect(keyring, { depth: 10, showHidden: true }), /pencil|Buffer/);
});

t.test("keys that take no time are not kept", async (t) => {
  const keyring = new ScramKeyring();
  const asked = () => keyring.keys(new Secret("pencil"), Buffer.from(salt), 1);
  const first = await asked();
  t.not(await asked(), first);
  t.strictSame(await asked(), first);
});

t.test("every exchange has a nonce of its own", async (t) => {
  const secret = new Secret("pencil");
  t.not(new ScramClient(secret, none).first(), new ScramClient(secret, none).first());
});
