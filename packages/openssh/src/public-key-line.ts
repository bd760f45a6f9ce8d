import type { GatehouseError } from "@gatehouse/core";
import { keyInvalid } from "./invalid.ts";
import { isKeyType, type PublicKey, readPublicKey } from "./public-key.ts";

/** The longest key, RSA with 16384 bits, takes 2,800 characters of it. */
const MAX_LINE = 8192;

/**
 * A line of a `.pub` file, or of an authorized_keys file: the type, the key in base64, and a comment.
 * @throws GatehouseError KEY_INVALID also where options stand in front: what they forbid would be let in
 */
export function parsePublicKeyLine(line: string): { key: PublicKey; comment: string } {
  if (line.length > MAX_LINE) throw keyInvalid(`its line is longer than ${MAX_LINE} characters`);
  const [, type, base64, comment = ""] = /^([^ \t]+)[ \t]+([^ \t]+)(?:[ \t]+(.*))?$/.exec(line.trim()) ?? [];
  if (type === undefined || base64 === undefined || /(?!\t)\p{Cc}/u.test(comment)) throw notALine();
  if (!isKeyType(type)) {
    throw keyInvalid(`${JSON.stringify(type.slice(0, 64))} is no type of keys`, {
      hint: "Write the type, the key in base64 and a comment, without options in front. Of a certificate, write its key.",
    });
  }
  return { key: readKeyText(type, base64), comment };
}

/** A type and a key in base64, as they stand in every file that holds public keys. @throws GatehouseError KEY_INVALID */
export function readKeyText(type: string, base64: string): PublicKey {
  const blob = readBase64(base64);
  if (blob === undefined) throw keyInvalid("it is not in base64");
  const key = readPublicKey(blob);
  if (key.type !== type) throw keyInvalid(`it is of the type ${key.type}, and said to be of another`);
  return key;
}

/** Base64 with padding, written in the one way. @returns undefined for anything else: Node itself reads on through it */
export function readBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
}

function notALine(): GatehouseError {
  return keyInvalid("its line can't be read", { hint: "Write the type, the key in base64, and a comment." });
}
