import { createDecipheriv, type KeyObject, randomBytes } from "node:crypto";
import { Secret } from "@gatehouse/core";
import { bcryptPbkdf } from "./bcrypt-pbkdf.ts";
import { Fields, string, uint32 } from "./fields.ts";
import { keyInvalid } from "./invalid.ts";
import { privateFieldsOf, readPrivateFields } from "./key-material.ts";
import { readBase64 } from "./public-key-line.ts";

/*
 * OpenSSH's files of private keys (PROTOCOL.key), in base64 between two lines:
 *
 *   byte[]  "openssh-key-v1", and a zero byte
 *   string  cipher: none, or aes256-ctr and the like
 *   string  how the passphrase becomes a key: none, or bcrypt
 *   string  for bcrypt: string salt, uint32 rounds
 *   uint32  number of keys, 1
 *   string  public key
 *   string  encrypted with the cipher, padded with 1, 2, 3, ... to its block size:
 *             uint32  random number
 *             uint32  the same again: it shows whether the passphrase was the right one
 *             ...     type and fields of the private key
 *             string  comment
 */

const BEGIN = "-----BEGIN OPENSSH PRIVATE KEY-----";
const END = "-----END OPENSSH PRIVATE KEY-----";
const MAGIC = "openssh-key-v1\0";
const LINE = 70;
/** What is not encrypted is padded as if its cipher had blocks of 8 bytes. */
const PLAIN_BLOCK = 8;
const AES_BLOCK = 16;
/** ssh-keygen takes 16 or 24. A round takes about 15 ms, in which nothing else runs: a file must not stop the gateway. */
const MAX_ROUNDS = 256;

interface Cipher {
  /** In Node. */
  readonly name: string;
  /** Of its key, in bytes. */
  readonly size: number;
}

/** Those of ssh-keygen that Node has and that have no tag of their own. */
const CIPHERS: ReadonlyMap<string, Cipher> = new Map([
  ["aes128-ctr", { name: "aes-128-ctr", size: 16 }],
  ["aes192-ctr", { name: "aes-192-ctr", size: 24 }],
  ["aes256-ctr", { name: "aes-256-ctr", size: 32 }],
  ["aes128-cbc", { name: "aes-128-cbc", size: 16 }],
  ["aes192-cbc", { name: "aes-192-cbc", size: 24 }],
  ["aes256-cbc", { name: "aes-256-cbc", size: 32 }],
]);

export function isOpensshFile(text: string): boolean {
  return text.trimStart().startsWith(BEGIN);
}

/**
 * @returns the private key, and the public one that the file states beside it
 * @throws GatehouseError KEY_INVALID
 */
export function readOpensshFile(
  text: string,
  passphrase: Secret | undefined,
): { readonly key: KeyObject; readonly blob: Buffer } {
  const fields = new Fields(bodyOf(text), keyInvalid);
  if (fields.bytes(MAGIC.length).toString("latin1") !== MAGIC) throw keyInvalid("it is not of version 1");
  const cipher = cipherOf(fields.text());
  const derivation = fields.text();
  const options = fields.string();
  if (fields.uint32() !== 1) throw keyInvalid("its file does not hold one key");
  const blob = fields.string();
  const encrypted = fields.string();
  fields.end();
  if (cipher === undefined) {
    if (derivation !== "none") throw keyInvalid("it is encrypted, and says that it is not");
    return { key: readSecretPart(encrypted, PLAIN_BLOCK), blob };
  }
  if (derivation !== "bcrypt") throw keyInvalid("its passphrase is not used by bcrypt");
  const plain = decrypt(cipher, options, encrypted, passphrase);
  try {
    return { key: readSecretPart(plain, AES_BLOCK), blob };
  } finally {
    plain.fill(0);
  }
}

export function writeOpensshFile(key: KeyObject, publicBlob: Buffer, comment: string): Secret {
  const check = randomBytes(4);
  const content = Buffer.concat([check, check, privateFieldsOf(key), string(comment)]);
  const padding = Uint8Array.from({ length: -content.length & (PLAIN_BLOCK - 1) }, (_, index) => index + 1);
  const secretPart = Buffer.concat([content, padding]);
  const body = Buffer.concat([
    ...[Buffer.from(MAGIC), string("none"), string("none"), string(""), uint32(1)],
    ...[string(publicBlob), string(secretPart)],
  ]);
  const lines = body.toString("base64").match(new RegExp(`.{1,${LINE}}`, "g")) ?? [];
  const file = new Secret([BEGIN, ...lines, END, ""].join("\n"));
  for (const bytes of [content, secretPart, body]) bytes.fill(0);
  return file;
}

function bodyOf(text: string): Buffer {
  const trimmed = text.trim();
  const body = trimmed.endsWith(END)
    ? readBase64(trimmed.slice(BEGIN.length, -END.length).replace(/[\r\n]/g, ""))
    : undefined;
  if (body === undefined) throw keyInvalid("its file is damaged: it does not end, or is not in base64");
  return body;
}

/** @returns undefined for `none` */
function cipherOf(name: string): Cipher | undefined {
  const cipher = CIPHERS.get(name);
  if (cipher !== undefined || name === "none") return cipher;
  throw keyInvalid("it is encrypted with a cipher that is not known here", {
    hint: "Write it anew with `ssh-keygen -p -Z aes256-ctr -f FILE`.",
  });
}

function decrypt(cipher: Cipher, options: Buffer, encrypted: Buffer, passphrase: Secret | undefined): Buffer {
  if (passphrase === undefined) {
    throw keyInvalid("it is encrypted, and there is no passphrase", { hint: "Give its passphrase." });
  }
  const fields = new Fields(options, keyInvalid);
  const salt = fields.string();
  const rounds = fields.uint32();
  fields.end();
  if (rounds < 1 || rounds > MAX_ROUNDS || salt.length === 0 || passphrase.size === 0) {
    throw keyInvalid(`its passphrase is empty, or its rounds of bcrypt are not between 1 and ${MAX_ROUNDS}`, {
      hint: "Write it anew with `ssh-keygen -p -a 24 -f FILE`.",
    });
  }
  if (encrypted.length === 0 || encrypted.length % AES_BLOCK !== 0)
    throw keyInvalid("its encrypted part is cut");
  const phrase = Buffer.from(passphrase.reveal());
  const derived = bcryptPbkdf(phrase, salt, cipher.size + AES_BLOCK, rounds);
  const decipher = createDecipheriv(
    cipher.name,
    derived.subarray(0, cipher.size),
    derived.subarray(cipher.size),
  );
  for (const secret of [phrase, derived]) secret.fill(0);
  decipher.setAutoPadding(false);
  return Buffer.concat([decipher.update(encrypted), decipher.final()]);
}

function readSecretPart(bytes: Buffer, block: number): KeyObject {
  const fields = new Fields(bytes, keyInvalid);
  const [check, again] = [fields.uint32(), fields.uint32()];
  if (bytes.length % block !== 0 || check !== again) {
    throw keyInvalid("its passphrase is not the right one, or its file is damaged");
  }
  const key = readPrivateFields(fields);
  fields.string();
  const padding = fields.bytes(fields.remaining);
  if (padding.length >= block || padding.some((byte, index) => byte !== index + 1)) {
    throw keyInvalid("its padding is not what the format has");
  }
  return key;
}
