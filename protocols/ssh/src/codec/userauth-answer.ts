import { ByteReader, ByteWriter } from "@gatehouse/wire";
import { number } from "./numbers.ts";
import {
  readBoolean,
  readName,
  readNameList,
  readString,
  readText,
  writeBoolean,
  writeNameList,
  writeString,
} from "./strings.ts";

/*
 * What a server says to a request to be let in (RFC 4252 section 5.1, 5.4 and 7):
 *
 *   byte      51 SSH_MSG_USERAUTH_FAILURE
 *   name-list methods that can continue
 *   boolean   partial success
 *
 *   byte      52 SSH_MSG_USERAUTH_SUCCESS
 *
 *   byte      53 SSH_MSG_USERAUTH_BANNER
 *   string    message
 *   string    language tag
 *
 *   byte      60 SSH_MSG_USERAUTH_PK_OK
 *   string    public key algorithm, as in the request
 *   string    public key, as in the request
 */

export interface UserauthFailure {
  readonly methods: readonly string[];
  readonly partial: boolean;
}

export function decodeUserauthFailure(payload: Buffer): UserauthFailure {
  const reader = new ByteReader(payload.subarray(1));
  const failure = { methods: readNameList(reader), partial: readBoolean(reader) };
  reader.end();
  return failure;
}

export function encodeUserauthFailure({ methods, partial }: UserauthFailure): Buffer {
  const writer = writeNameList(new ByteWriter().uint8(number.userauthFailure), methods);
  return writeBoolean(writer, partial).toBuffer();
}

export function decodeUserauthSuccess(payload: Buffer): void {
  new ByteReader(payload.subarray(1)).end();
}

export function encodeUserauthSuccess(): Buffer {
  return Buffer.of(number.userauthSuccess);
}

export function decodeBanner(payload: Buffer): string {
  const reader = new ByteReader(payload.subarray(1));
  const message = readText(reader);
  readText(reader);
  reader.end();
  return message;
}

export function encodeBanner(message: string): Buffer {
  return writeString(writeString(new ByteWriter().uint8(number.userauthBanner), message), "").toBuffer();
}

export interface ShownKey {
  readonly algorithm: string;
  readonly blob: Buffer;
}

export function decodePkOk(payload: Buffer): ShownKey {
  const reader = new ByteReader(payload.subarray(1));
  const key = { algorithm: readName(reader), blob: readString(reader) };
  reader.end();
  return key;
}

export function encodePkOk({ algorithm, blob }: ShownKey): Buffer {
  return writeString(writeString(new ByteWriter().uint8(number.userauthPkOk), algorithm), blob).toBuffer();
}
