import { createHash } from "node:crypto";
import { ByteWriter } from "@gatehouse/wire";
import { writeMpint, writeString } from "../codec/strings.ts";
import type { Agreed } from "./algorithms.ts";
import { cipherSizes, type Keys } from "./ciphers.ts";
import { macKeySize } from "./macs.ts";

export type HashName = "sha256" | "sha384" | "sha512";

export function secretAsMpint(secret: Uint8Array): Buffer {
  return writeMpint(new ByteWriter(secret.length + 5), secret).toBuffer();
}

export function secretAsString(secret: Uint8Array): Buffer {
  return writeString(new ByteWriter(secret.length + 4), secret).toBuffer();
}

/** What both sides have seen and said (RFC 4253 section 8). */
export interface Transcript {
  readonly clientIdentification: string;
  readonly serverIdentification: string;
  /** Payloads of the KEXINITs. */
  readonly clientInit: Buffer;
  readonly serverInit: Buffer;
  readonly hostKey: Buffer;
  readonly clientPublic: Buffer;
  readonly serverPublic: Buffer;
  /** As it is hashed. */
  readonly secret: Buffer;
}

/** The exchange hash H (RFC 4253 section 8, RFC 5656 section 4). */
export function exchangeHash(hash: HashName, transcript: Transcript): Buffer {
  const writer = new ByteWriter(4096);
  writeString(writer, transcript.clientIdentification);
  writeString(writer, transcript.serverIdentification);
  writeString(writer, transcript.clientInit);
  writeString(writer, transcript.serverInit);
  writeString(writer, transcript.hostKey);
  writeString(writer, transcript.clientPublic);
  writeString(writer, transcript.serverPublic);
  return createHash(hash).update(writer.toBuffer()).update(transcript.secret).digest();
}

/** The keys of one direction (RFC 4253 section 7.2). */
export function deriveKeys(
  direction: "toServer" | "toClient",
  agreed: Agreed,
  from: {
    readonly hash: HashName;
    readonly secret: Buffer;
    readonly exchangeHash: Buffer;
    readonly sessionId: Buffer;
  },
): Keys {
  const toServer = direction === "toServer";
  const cipher = toServer ? agreed.cipherToServer : agreed.cipherToClient;
  const mac = toServer ? agreed.macToServer : agreed.macToClient;
  const sizes = cipherSizes(cipher);
  const derive = (letter: string, size: number): Buffer => {
    const start = createHash(from.hash).update(from.secret).update(from.exchangeHash);
    let key = start.copy().update(letter).update(from.sessionId).digest();
    while (key.length < size) key = Buffer.concat([key, start.copy().update(key).digest()]);
    return key.subarray(0, size);
  };
  return {
    cipher,
    mac,
    iv: derive(toServer ? "A" : "B", sizes.iv),
    key: derive(toServer ? "C" : "D", sizes.key),
    macKey: mac === "" ? Buffer.alloc(0) : derive(toServer ? "E" : "F", macKeySize(mac)),
  };
}
