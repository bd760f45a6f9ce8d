import { Secret } from "@gatehouse/core";
import { ByteReader, ByteWriter } from "@gatehouse/wire";
import { number } from "./numbers.ts";
import { readBoolean, readName, readString, readText, writeBoolean, writeString } from "./strings.ts";

/*
 * A client asks to be let in (RFC 4252 section 5):
 *
 *   byte      50 SSH_MSG_USERAUTH_REQUEST
 *   string    user name
 *   string    service name
 *   string    method name
 *   ....      by the method:
 *
 *   none (section 5.2) has nothing.
 *
 *   password (section 8)
 *   boolean   TRUE where the password is to be changed
 *   string    password
 *   string    new password, with TRUE alone
 *
 *   publickey (section 7), and publickey-hostbound-v00@openssh.com (OpenSSH's PROTOCOL, section 3.1)
 *   boolean   TRUE where there is a signature
 *   string    public key algorithm
 *   string    public key
 *   string    the server's host key, with publickey-hostbound-v00@openssh.com alone
 *   string    signature, with TRUE alone: over the session identifier (a string) and all of the message before it
 *
 *   keyboard-interactive (RFC 4256 section 3.1)
 *   string    language tag
 *   string    submethods
 */

/** Names of the methods. */
export const method = {
  none: "none",
  password: "password",
  publicKey: "publickey",
  hostBound: "publickey-hostbound-v00@openssh.com",
  keyboardInteractive: "keyboard-interactive",
} as const;

export type AuthMethod =
  | { readonly method: "none" }
  | { readonly method: "password"; readonly password: Secret; readonly change: boolean }
  | ({ readonly method: "publickey" } & KeyProof)
  | { readonly method: "keyboard-interactive" }
  /** One that is not known here. */
  | { readonly method: "other"; readonly name: string };

export interface KeyProof {
  readonly algorithm: string;
  /** A public key or a certificate. */
  readonly blob: Buffer;
  /** The server that the client means to sign in at; where the method has that. */
  readonly hostKey: Buffer | undefined;
  /** Undefined where the client only asks whether this key would do. */
  readonly signature: Buffer | undefined;
  /** What the signature is over, after the session identifier: `signedData` puts the two together. */
  readonly signed: Buffer;
}

export interface UserauthRequest {
  readonly user: string;
  readonly service: string;
  readonly auth: AuthMethod;
}

export function decodeUserauthRequest(payload: Buffer): UserauthRequest {
  const reader = new ByteReader(payload.subarray(1));
  const user = readText(reader);
  const service = readName(reader);
  const name = readName(reader);
  const auth = readMethod(name, reader, payload);
  if (auth.method !== "other") reader.end();
  return { user, service, auth };
}

function readMethod(name: string, reader: ByteReader, payload: Buffer): AuthMethod {
  switch (name) {
    case method.none:
      return { method: name };
    case method.password: {
      const change = readBoolean(reader);
      const password = readSecret(reader);
      if (change) readSecret(reader);
      return { method: name, password, change };
    }
    case method.publicKey:
    case method.hostBound: {
      const isSigned = readBoolean(reader);
      const algorithm = readName(reader);
      const blob = readString(reader);
      const hostKey = name === method.hostBound ? readString(reader) : undefined;
      const signed = payload.subarray(0, payload.length - reader.remaining);
      const signature = isSigned ? readString(reader) : undefined;
      return { method: "publickey", algorithm, blob, hostKey, signature, signed };
    }
    case method.keyboardInteractive:
      readText(reader);
      readText(reader);
      return { method: name };
    default:
      return { method: "other", name };
  }
}

/** Text, by the grammar; a password that is none would be compared as another one than was typed. */
function readSecret(reader: ByteReader): Secret {
  return new Secret(readText(reader));
}

/** What a client signs. */
export function signedData(sessionId: Uint8Array, signed: Uint8Array): Buffer {
  const writer = new ByteWriter(sessionId.length + signed.length + 4);
  return writeString(writer, sessionId).bytes(signed).toBuffer();
}

function request(user: string, service: string, name: string): ByteWriter {
  const writer = writeString(new ByteWriter().uint8(number.userauthRequest), user);
  return writeString(writeString(writer, service), name);
}

export function encodeNoneRequest(user: string, service: string): Buffer {
  return request(user, service, method.none).toBuffer();
}

export function encodePasswordRequest(user: string, service: string, password: Secret): Buffer {
  return writeString(
    writeBoolean(request(user, service, method.password), false),
    password.reveal(),
  ).toBuffer();
}

/** Asks whether a key would do, or all of a signed request but the signature, which `withSignature` puts behind it. */
export function encodeKeyRequest(
  user: string,
  service: string,
  key: { readonly algorithm: string; readonly blob: Uint8Array },
  isSigned: boolean,
): Buffer {
  const writer = writeBoolean(request(user, service, method.publicKey), isSigned);
  return writeString(writeString(writer, key.algorithm), key.blob).toBuffer();
}

export function withSignature(signed: Uint8Array, signature: Uint8Array): Buffer {
  return writeString(
    new ByteWriter(signed.length + signature.length + 4).bytes(signed),
    signature,
  ).toBuffer();
}

export function encodeKeyboardInteractiveRequest(user: string, service: string): Buffer {
  return writeString(writeString(request(user, service, method.keyboardInteractive), ""), "").toBuffer();
}
