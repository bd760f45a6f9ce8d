import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { inspect } from "node:util";
import { GatehouseError, Secret } from "@gatehouse/core";
import t from "tap";
import { generatePrivateKey, PrivateKey, readPrivateKey, writePrivateKey } from "../src/index.ts";
import { damaged, outcomeOf, passphrase, privateKey, publicKey, vector } from "./vectors.ts";

const OPENSSH = ["ed25519", "ecdsa256", "ecdsa384", "ecdsa521", "rsa"];
const PEM = ["rsa-pkcs1", "rsa-pkcs8", "ecdsa256-sec1"];
const ENCRYPTED = ["ed25519-encrypted", "rsa-encrypted", "ecdsa384-pkcs8-encrypted"];
const invalid = { code: "KEY_INVALID" };

t.test(
  "files of ssh-keygen's are read: its own format, PKCS#1, PKCS#8, SEC1, and encrypted ones",
  async (t) => {
    for (const name of [...OPENSSH, ...PEM, ...ENCRYPTED]) {
      t.ok(privateKey(name).publicKey.equals(publicKey(name)), name);
    }
    t.ok(readPrivateKey(new Secret(vector("ed25519"))).publicKey.equals(publicKey("ed25519")), "as a Secret");
    const windows = vector("ed25519").replaceAll("\n", "\r\n");
    t.ok(readPrivateKey(windows).publicKey.equals(publicKey("ed25519")), "with the line ends of Windows");
  },
);

t.test("an encrypted file needs its passphrase", async (t) => {
  for (const name of ENCRYPTED) {
    t.throws(() => readPrivateKey(vector(name)), { ...invalid, hint: /passphrase/ }, name);
    t.throws(() => readPrivateKey(vector(name), new Secret("wrong horse")), invalid, name);
    t.throws(() => readPrivateKey(vector(name), new Secret("")), invalid, name);
  }
});

t.test(
  "a file with more rounds of bcrypt than anybody wants is refused before the first of them",
  async (t) => {
    const body = Buffer.from(vector("ed25519-encrypted").replace(/-----.*-----|\n/g, ""), "base64");
    const rounds = body.indexOf(Buffer.of(0, 0, 0, 4), body.indexOf("bcrypt"));
    body.writeUInt32BE(0xffff_ffff, rounds);
    t.throws(() => readPrivateKey(armoured(body), passphrase()), { ...invalid, message: /rounds/ });
  },
);

t.test("keys of every type are made, written and read again", async (t) => {
  for (const type of [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
  ] as const) {
    const key = generatePrivateKey(type);
    t.equal(key.publicKey.type, type);
    t.ok(readPrivateKey(writePrivateKey(key, "made by a test")).publicKey.equals(key.publicKey), type);
  }
});

t.test("a file that is cut, or has a bit changed, is refused, or has the same key still", async (t) => {
  for (const name of ["ed25519", "ecdsa256"]) {
    const body = Buffer.from(vector(name).replace(/-----.*-----|\n/g, ""), "base64");
    for (const bytes of damaged(body)) {
      const read = outcomeOf(() => readPrivateKey(armoured(bytes)));
      // A changed letter of the comment, say.
      const sound =
        typeof read === "string" ? read === "KEY_INVALID" : read.publicKey.equals(publicKey(name));
      if (!sound) t.fail(`${name}: ${bytes.toString("hex")}`);
    }
    t.pass(name);
  }
  for (const name of [...OPENSSH, ...PEM, "ecdsa384-pkcs8-encrypted"]) {
    const text = vector(name).trimEnd();
    for (let length = 0; length < text.length; length += 17) {
      const read = outcomeOf(() => readPrivateKey(text.slice(0, length), passphrase()));
      if (read !== "KEY_INVALID") t.fail(`${name}: ${length} characters`);
    }
    t.pass(name);
  }
});

t.test("halves that do not belong together are refused", async (t) => {
  const of = (curve: string) =>
    generateKeyPairSync("ec", { namedCurve: curve }).privateKey.export({ format: "jwk" });
  const mixed = createPrivateKey({ key: { ...of("P-256"), d: of("P-256").d ?? "" }, format: "jwk" });
  t.throws(() => new PrivateKey(mixed), invalid);
});

t.test("kinds of keys that SSH does not have are refused", async (t) => {
  const pem = { type: "pkcs8", format: "pem" } as const;
  for (const key of [
    generateKeyPairSync("x25519"),
    generateKeyPairSync("ed448"),
    generateKeyPairSync("ec", { namedCurve: "secp256k1" }),
    generateKeyPairSync("rsa-pss", { modulusLength: 2048 }),
    generateKeyPairSync("rsa", { modulusLength: 1024 }),
  ]) {
    t.throws(() => readPrivateKey(key.privateKey.export(pem).toString()), invalid);
  }
  t.throws(() => readPrivateKey("no key at all"), invalid);
  t.throws(() => readPrivateKey(vector("ed25519.pub")), invalid);
  t.throws(() => readPrivateKey(" ".repeat(100_000)), invalid);
});

t.test("a private key shows its fingerprint, and nothing else", async (t) => {
  const key = privateKey("ed25519");
  const shown = `[private key of ${key.publicKey.fingerprint}]`;
  t.equal(String(key), shown);
  t.equal(inspect(key, { showHidden: true, depth: 9 }), shown);
  t.equal(JSON.stringify({ key }), JSON.stringify({ key: shown }));
  t.equal(String(writePrivateKey(key, "")), "[secret]");
});

t.test("the error of a file that can't be read repeats nothing of it", async (t) => {
  const body = vector("ed25519").split("\n")[3] ?? "";
  for (const text of [
    vector("ed25519").replace("OPENSSH", "EC"),
    vector("rsa-pkcs1").replace(/.{64}\n/, `${body}\n`),
  ]) {
    try {
      readPrivateKey(text);
      t.fail("was read");
    } catch (thrown) {
      t.ok(thrown instanceof GatehouseError);
      t.notOk(inspect(thrown, { depth: 9 }).includes(body));
    }
  }
});

function armoured(body: Buffer): string {
  const name = "OPENSSH PRIVATE KEY";
  return `-----BEGIN ${name}-----\n${body.toString("base64")}\n-----END ${name}-----\n`;
}
