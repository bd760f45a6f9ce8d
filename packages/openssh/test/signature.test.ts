import { sign } from "node:crypto";
import t from "tap";
import { string } from "../src/fields.ts";
import { generatePrivateKey, type SignatureAlgorithm, signatureAlgorithms } from "../src/index.ts";
import { createToken, TOKEN_TYPES } from "./token.ts";
import { damaged, privateKey, publicKey } from "./vectors.ts";

const NAMES = ["ed25519", "ecdsa256", "ecdsa384", "ecdsa521", "rsa"];
const data = Buffer.from("what is signed");

t.test(
  "what a key signs, by each of its algorithms, its public half verifies, and no other key",
  async (t) => {
    for (const name of NAMES) {
      const key = privateKey(name);
      const other = generatePrivateKey(name === "ed25519" ? "ecdsa-sha2-nistp256" : "ssh-ed25519").publicKey;
      for (const algorithm of signatureAlgorithms(key.publicKey.type)) {
        const signature = key.sign(algorithm, data);
        t.ok(publicKey(name).verify(algorithm, data, signature), algorithm);
        t.notOk(publicKey(name).verify(algorithm, Buffer.from("something else"), signature), algorithm);
        t.notOk(other.verify(algorithm, data, signature), algorithm);
      }
    }
  },
);

t.test("RSA never signs with SHA-1, and no such signature is accepted", async (t) => {
  const key = privateKey("rsa");
  t.same(signatureAlgorithms("ssh-rsa"), ["rsa-sha2-512", "rsa-sha2-256"]);
  const signature = Buffer.concat([string("ssh-rsa"), string(sign("sha1", data, key.reveal()))]);
  // What a peer names is a string, whatever the types say.
  t.notOk(key.publicKey.verify("ssh-rsa" as SignatureAlgorithm, data, signature));
  const relabelled = Buffer.concat([string("rsa-sha2-256"), string(sign("sha1", data, key.reveal()))]);
  t.notOk(key.publicKey.verify("rsa-sha2-256", data, relabelled));
});

t.test("a signature counts by the algorithm that was agreed on alone", async (t) => {
  const key = privateKey("rsa");
  t.notOk(key.publicKey.verify("rsa-sha2-256", data, key.sign("rsa-sha2-512", data)));
  t.notOk(key.publicKey.verify("ssh-ed25519", data, privateKey("ed25519").sign("ssh-ed25519", data)));
  t.throws(() => privateKey("ed25519").sign("rsa-sha2-512", data), { code: "KEY_INVALID" });
});

t.test("an RSA signature without its zeros in front is one, as RFC 8332 has it", async (t) => {
  const key = privateKey("rsa");
  for (let count = 0; count < 5000; count++) {
    const message = Buffer.from(`message ${count}`);
    const raw = sign("sha256", message, key.reveal());
    if (raw[0] !== 0) continue;
    const signature = Buffer.concat([string("rsa-sha2-256"), string(raw.subarray(1))]);
    t.ok(key.publicKey.verify("rsa-sha2-256", message, signature));
    return;
  }
  t.fail("no signature began with a zero");
});

t.test("a signature that is cut, longer, or has a bit changed does not hold", async (t) => {
  for (const name of NAMES) {
    const key = privateKey(name);
    const [algorithm = "ssh-ed25519"] = signatureAlgorithms(key.publicKey.type);
    const held = [...damaged(key.sign(algorithm, data))].filter((bytes) =>
      key.publicKey.verify(algorithm, data, bytes),
    );
    t.same(held, [], algorithm);
  }
});

t.test("a security token's signature counts where somebody touched it", async (t) => {
  for (const type of TOKEN_TYPES) {
    const token = createToken(type);
    t.ok(token.publicKey.verify(type, data, token.sign(data)), type);
    t.ok(token.publicKey.verify(type, data, token.sign(data, { flags: 5 })), `${type}: with a PIN too`);
    t.notOk(token.publicKey.verify(type, data, token.sign(data, { flags: 0 })), `${type}: nobody there`);
    t.notOk(token.publicKey.verify(type, data, token.sign(data, { flags: 4 })), `${type}: a PIN alone`);
    const raised = token.sign(data, { flags: 1, signedFlags: 0 });
    t.notOk(token.publicKey.verify(type, data, raised), `${type}: flags that were raised afterwards`);
    const held = [...damaged(token.sign(data))].filter((bytes) => token.publicKey.verify(type, data, bytes));
    t.same(held, [], `${type}: damaged`);
  }
});

t.test("a security token's signature for another application does not hold", async (t) => {
  for (const type of TOKEN_TYPES) {
    const web = createToken(type, "https://example.com");
    t.notOk(createToken(type).publicKey.verify(type, data, web.sign(data)));
  }
});
