import { generateKeyPairSync } from "node:crypto";
import t from "tap";
import { mpint, string } from "../src/fields.ts";
import { parsePublicKeyLine, readPublicKey } from "../src/index.ts";
import { createToken, TOKEN_TYPES } from "./token.ts";
import { certificateBlob, damaged, outcomeOf, publicKey, vector } from "./vectors.ts";

const FINGERPRINTS = {
  ed25519: "SHA256:d4RH/CPpDG+/UPYMoNWsMv7evdq/FonoOUYERpAXRsI",
  ecdsa256: "SHA256:8miETs/xQXNoLfnlx8vQzjSnWXhufx8YFpcexskr/pU",
  ecdsa384: "SHA256:dixdYRrpj9DeTEvEOe3Ll8EpBd9eiTVOKxLxhNp3QYQ",
  ecdsa521: "SHA256:oy9lWCnVyfv28XcTG7JwIkLsE3M1/91N/VapciZ+lA4",
  rsa: "SHA256:U1OSMYqZVynuAfPa94uoVfEkao9Eq8ZHbG9Q5tdcaas",
};
const NAMES = Object.keys(FINGERPRINTS);

/** 32 bytes of Ed25519, little-endian. */
const point = (y: bigint) => Buffer.from(y.toString(16).padStart(64, "0"), "hex").reverse();
const ed25519 = (bytes: Uint8Array) => readPublicKey(Buffer.concat([string("ssh-ed25519"), string(bytes)]));
const PRIME = 2n ** 255n - 19n;

function rsa({ e = Buffer.of(1, 0, 1), n = Buffer.alloc(256, 0xff) }: { e?: Buffer; n?: Buffer }) {
  return readPublicKey(Buffer.concat([string("ssh-rsa"), mpint(e), mpint(n)]));
}

t.test("keys of ssh-keygen's are read, with its fingerprints, and written as they were", async (t) => {
  for (const [name, fingerprint] of Object.entries(FINGERPRINTS)) {
    const line = vector(`${name}.pub`);
    const { key, comment } = parsePublicKeyLine(line);
    t.equal(key.fingerprint, fingerprint);
    t.equal(`${key.toString()} ${comment}\n`, line);
    t.ok(key.equals(readPublicKey(key.blob)));
  }
  t.notOk(publicKey("ed25519").equals(publicKey("authority")));
});

t.test("a security token's key is another one for another application", async (t) => {
  for (const type of TOKEN_TYPES) {
    const { publicKey: key } = createToken(type);
    t.ok(parsePublicKeyLine(key.toString()).key.equals(key), type);
    const other = Buffer.concat([key.blob.subarray(0, -4), Buffer.from("web:")]);
    t.notOk(readPublicKey(other).equals(key), type);
  }
});

t.test(
  "a key that is cut, or longer, is refused; one with a bit changed is refused, or another key",
  async (t) => {
    const keys = [...NAMES.map(publicKey), ...TOKEN_TYPES.map((type) => createToken(type).publicKey)];
    for (const key of keys) {
      for (const bytes of damaged(key.blob)) {
        const read = outcomeOf(() => readPublicKey(bytes));
        const refused = typeof read === "string" ? read === "KEY_INVALID" : bytes.length === key.blob.length;
        if (!refused || (typeof read !== "string" && read.equals(key)))
          t.fail(`${key.type}: ${bytes.toString("hex")}`);
      }
      t.pass(key.type);
    }
  },
);

t.test("a reader's buffer may be used again", async (t) => {
  const blob = Buffer.from(publicKey("ed25519").blob);
  const key = readPublicKey(blob);
  blob.fill(0);
  t.ok(key.equals(publicKey("ed25519")));
});

t.test(
  "a key of Ed25519 is a point of its curve, written in the one way, and not of small order",
  async (t) => {
    t.ok(ed25519(point((4n * inverse(5n)) % PRIME)), "the base point");
    for (let count = 0; count < 100; count++) {
      const { x = "" } = generateKeyPairSync("ed25519").publicKey.export({ format: "jwk" });
      t.doesNotThrow(() => ed25519(Buffer.from(x, "base64url")), x);
    }
    const invalid = { code: "KEY_INVALID" };
    t.throws(() => ed25519(point(2n)), invalid, "off the curve");
    for (const y of [0n, 1n, PRIME - 1n]) t.throws(() => ed25519(point(y)), invalid, `small order: ${y}`);
    const eighth = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05";
    t.throws(() => ed25519(Buffer.from(eighth, "hex")), invalid, "order 8");
    t.throws(() => ed25519(point(PRIME + 3n)), invalid, "a number that is not below the prime");
    t.throws(() => ed25519(Buffer.alloc(31)), invalid);
  },
);

t.test("a point of ECDSA is on its curve, and not compressed", async (t) => {
  const { x = "", y = "" } = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({
    format: "jwk",
  });
  const bytes = (number: string) => Buffer.from(number, "base64url");
  const ecdsa = (curve: string, ...parts: Buffer[]) =>
    readPublicKey(
      Buffer.concat([string("ecdsa-sha2-nistp256"), string(curve), string(Buffer.concat(parts))]),
    );
  t.ok(ecdsa("nistp256", Buffer.of(4), bytes(x), bytes(y)));
  const invalid = { code: "KEY_INVALID" };
  t.throws(() => ecdsa("nistp384", Buffer.of(4), bytes(x), bytes(y)), invalid, "the name of another curve");
  t.throws(() => ecdsa("nistp256", Buffer.of(4), bytes(y), bytes(x)), invalid, "off the curve");
  t.throws(() => ecdsa("nistp256", Buffer.of(4), Buffer.alloc(64)), invalid, "zeros");
  t.throws(
    () => ecdsa("nistp256", Buffer.of(2 + ((bytes(y)[31] ?? 0) & 1)), bytes(x)),
    invalid,
    "compressed",
  );
  t.throws(() => ecdsa("nistp256", Buffer.of(0)), invalid, "the point at infinity");
});

t.test("RSA has 2048 to 16384 bits, and numbers that RSA can have", async (t) => {
  const invalid = { code: "KEY_INVALID" };
  t.ok(rsa({}));
  t.ok(rsa({ n: Buffer.alloc(2048, 0xff) }));
  t.throws(() => publicKey("rsa1024"), invalid, "1024 bits, from ssh-keygen");
  t.throws(() => rsa({ n: Buffer.concat([Buffer.of(0x7f), Buffer.alloc(255, 0xff)]) }), invalid, "2047 bits");
  t.throws(() => rsa({ n: Buffer.concat([Buffer.of(1), Buffer.alloc(2048, 0xff)]) }), invalid, "16385 bits");
  t.throws(
    () => rsa({ n: Buffer.concat([Buffer.alloc(255, 0xff), Buffer.of(0xfe)]) }),
    invalid,
    "an even modulus",
  );
  t.throws(() => rsa({ e: Buffer.of(1) }), invalid, "an exponent that leaves the message as it is");
  t.throws(() => rsa({ e: Buffer.of(2) }), invalid, "an even exponent");
  t.throws(() => rsa({ e: Buffer.alloc(9, 0xff) }), invalid, "an exponent that makes verifying slow");
});

t.test("a number is written in the shortest way", async (t) => {
  const modulus = mpint(Buffer.alloc(256, 0xff));
  const written = (e: Buffer) => readPublicKey(Buffer.concat([string("ssh-rsa"), string(e), modulus]));
  t.ok(written(Buffer.of(1, 0, 1)));
  const invalid = { code: "KEY_INVALID" };
  t.throws(() => written(Buffer.of(0, 1, 0, 1)), invalid, "a zero too many");
  t.throws(() => written(Buffer.of(0x81)), invalid, "negative");
  t.throws(() => written(Buffer.alloc(0)), invalid, "zero");
  t.throws(() => written(Buffer.of(0)), invalid, "zero, and long");
});

t.test("a line is a type, a key and a comment", async (t) => {
  const { key } = parsePublicKeyLine(vector("ed25519.pub"));
  const base64 = key.blob.toString("base64");
  t.same(parsePublicKeyLine(`  ssh-ed25519\t${base64} \r\n`), { key, comment: "" });
  t.equal(parsePublicKeyLine(`ssh-ed25519 ${base64} dana at home`).comment, "dana at home");
  for (const line of [
    "",
    "ssh-ed25519",
    base64,
    `ssh-rsa ${base64}`,
    `ssh-dss ${base64}`,
    `ssh-ed25519 ${base64.slice(0, -1)}`,
    `ssh-ed25519 ${base64}=`,
    `ssh-ed25519 ${base64.slice(0, 8)}!${base64.slice(8)}`,
    `ssh-ed25519 ${base64} two\nssh-ed25519 ${base64} lines`,
    `ssh-ed25519 ${base64} \u001b[2Jcleared`,
    `from="10.0.0.1" ssh-ed25519 ${base64}`,
    `ssh-ed25519 ${"A".repeat(10_000)}`,
    vector("ed25519-cert.pub"),
    `ssh-ed25519 ${certificateBlob("ed25519").toString("base64")}`,
  ]) {
    t.throws(() => parsePublicKeyLine(line), { code: "KEY_INVALID" }, line.slice(0, 60));
  }
});

function inverse(number: bigint): bigint {
  let result = 1n;
  for (let bit = 254n; bit >= 0n; bit--) {
    result = (result * result) % PRIME;
    if (((PRIME - 2n) >> bit) & 1n) result = (result * number) % PRIME;
  }
  return result;
}
