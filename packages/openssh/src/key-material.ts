import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from "node:crypto";
import { type Fields, mpint, string } from "./fields.ts";
import { keyInvalid } from "./invalid.ts";

/*
 * Private keys as fields behind a string with the type, in files of OpenSSH's format and in the agent's protocol
 * (draft-ietf-sshm-ssh-agent section 3.2):
 *
 *   ssh-ed25519                     string point, string seed and point
 *   ecdsa-sha2-nistp256, 384, 521   string curve, string point, mpint d
 *   ssh-rsa                         mpint n, e, d, iqmp, p, q
 */

const CURVES: ReadonlyMap<string, { readonly name: string; readonly size: number }> = new Map([
  ["P-256", { name: "nistp256", size: 32 }],
  ["P-384", { name: "nistp384", size: 48 }],
  ["P-521", { name: "nistp521", size: 66 }],
]);

/** The blob of a private key's public half. @throws GatehouseError KEY_INVALID for a kind of keys that SSH does not have */
export function publicBlobOf(key: KeyObject): Buffer {
  const jwk = exported(createPublicKey(key), key.asymmetricKeyType);
  switch (jwk.kty) {
    case "OKP":
      return Buffer.concat([string("ssh-ed25519"), string(value(jwk.x))]);
    case "EC":
      return Buffer.concat([string(`ecdsa-sha2-${curveOf(jwk).name}`), ...pointOf(jwk)]);
    default:
      return Buffer.concat([string("ssh-rsa"), mpint(value(jwk.e)), mpint(value(jwk.n))]);
  }
}

/** The type and all fields of a private key, as above. */
export function privateFieldsOf(key: KeyObject): Buffer {
  const jwk = exported(key, key.asymmetricKeyType);
  switch (jwk.kty) {
    case "OKP":
      return Buffer.concat([string("ssh-ed25519"), secretFieldsOf(key)]);
    case "EC":
      return Buffer.concat([string(`ecdsa-sha2-${curveOf(jwk).name}`), ...pointOf(jwk), secretFieldsOf(key)]);
    default:
      return Buffer.concat([
        string("ssh-rsa"),
        ...[jwk.n, jwk.e, jwk.d, jwk.qi, jwk.p, jwk.q].map((number) => mpint(value(number))),
      ]);
  }
}

/** The fields that stand behind a certificate in the agent's protocol. Only Ed25519 has those of the public half again. */
export function secretFieldsOf(key: KeyObject): Buffer {
  const jwk = exported(key, key.asymmetricKeyType);
  switch (jwk.kty) {
    case "OKP":
      return Buffer.concat([string(value(jwk.x)), string(Buffer.concat([value(jwk.d), value(jwk.x)]))]);
    case "EC":
      return mpint(value(jwk.d));
    default:
      return Buffer.concat([jwk.d, jwk.qi, jwk.p, jwk.q].map((number) => mpint(value(number))));
  }
}

/**
 * Reads what `privateFieldsOf` writes. That its halves belong together is for the caller to see.
 * @throws GatehouseError KEY_INVALID
 */
export function readPrivateFields(fields: Fields): KeyObject {
  const type = fields.text();
  switch (type) {
    case "ssh-ed25519":
      return readEd25519(fields);
    case "ecdsa-sha2-nistp256":
      return readEcdsa("P-256", fields);
    case "ecdsa-sha2-nistp384":
      return readEcdsa("P-384", fields);
    case "ecdsa-sha2-nistp521":
      return readEcdsa("P-521", fields);
    case "ssh-rsa":
      return readRsa(fields);
    default:
      throw keyInvalid(`nothing can be signed with one of the type ${JSON.stringify(type.slice(0, 64))}`, {
        hint: "Use a key of one of the types ssh-ed25519, ecdsa-sha2-nistp256, -384, -521 or ssh-rsa.",
      });
  }
}

/** Runs OpenSSL's reading of a private key. Its own error is left out: some repeat what they were given. */
export function importPrivateKey(input: Parameters<typeof createPrivateKey>[0]): KeyObject {
  try {
    return createPrivateKey(input);
  } catch {
    throw keyInvalid("it can't be read as a private key, or its passphrase is not the right one");
  }
}

function readEd25519(fields: Fields): KeyObject {
  const point = fields.string();
  const both = fields.string();
  if (both.length !== 64 || !both.subarray(32).equals(point)) {
    throw keyInvalid("its two halves do not belong together");
  }
  return importJwk({ kty: "OKP", crv: "Ed25519", x: text(point), d: text(both.subarray(0, 32)) });
}

function readEcdsa(crv: string, fields: Fields): KeyObject {
  const { name, size } = curveOf({ crv });
  if (fields.text() !== name) throw keyInvalid("its curve is not the one of its type");
  const point = fields.string();
  const d = fields.mpint();
  if (point[0] !== 4 || point.length !== 1 + 2 * size || d.length > size) {
    throw keyInvalid("its numbers are not those of a key");
  }
  const x = text(point.subarray(1, 1 + size));
  const y = text(point.subarray(1 + size));
  return importJwk({ kty: "EC", crv, x, y, d: text(Buffer.concat([Buffer.alloc(size - d.length), d])) });
}

function readRsa(fields: Fields): KeyObject {
  const [n, e, d, qi] = [fields.mpint(), fields.mpint(), fields.mpint(), fields.mpint()];
  const [p, q] = [fields.mpint(), fields.mpint()];
  return importJwk({
    ...{ kty: "RSA", n: text(n), e: text(e), d: text(d), p: text(p), q: text(q), qi: text(qi) },
    dp: text(exponentFor(d, p)),
    dq: text(exponentFor(d, q)),
  });
}

/** d mod (prime - 1), which SSH's files leave out. */
function exponentFor(d: Buffer, prime: Buffer): Buffer {
  const number = (bytes: Buffer) => BigInt(`0x${bytes.toString("hex")}`);
  const below = number(prime) - 1n;
  if (below <= 0n) throw keyInvalid("its numbers are not those of a key");
  return Buffer.from((number(d) % below).toString(16).padStart(prime.length * 2, "0"), "hex");
}

function importJwk(key: JsonWebKey): KeyObject {
  return importPrivateKey({ key, format: "jwk" });
}

function exported(key: KeyObject, kind: string | undefined): JsonWebKey {
  if (kind !== "ed25519" && kind !== "ec" && kind !== "rsa") {
    throw keyInvalid("it is of a kind that SSH does not have", {
      hint: "Use an Ed25519, ECDSA (P-256, P-384, P-521) or RSA key.",
    });
  }
  try {
    return key.export({ format: "jwk" });
  } catch (cause) {
    throw keyInvalid("it is on a curve that SSH does not have", { cause });
  }
}

function curveOf({ crv }: JsonWebKey): { readonly name: string; readonly size: number } {
  const curve = CURVES.get(crv ?? "");
  if (curve === undefined) throw keyInvalid("it is on a curve that SSH does not have");
  return curve;
}

function pointOf(jwk: JsonWebKey): readonly Buffer[] {
  return [string(curveOf(jwk).name), string(Buffer.concat([Buffer.of(4), value(jwk.x), value(jwk.y)]))];
}

const value = (number: string | undefined): Buffer => Buffer.from(number ?? "", "base64url");
const text = (number: Buffer): string => number.toString("base64url");
