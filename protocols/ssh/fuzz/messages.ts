import { Secret } from "@gatehouse/core";
import { type PrivateKey, issueCertificate } from "@gatehouse/openssh";
import { ByteWriter } from "@gatehouse/wire";
import { encodeIgnore, encodeUnimplemented } from "../src/codec/asides.ts";
import { dataHeader } from "../src/codec/channel-data.ts";
import { encodeChannelOpen } from "../src/codec/channel-open.ts";
import { encodeChannelRequest, encodeExec } from "../src/codec/channel-request.ts";
import { encodeDisconnect } from "../src/codec/disconnect.ts";
import { encodeExtInfo } from "../src/codec/ext-info.ts";
import { encodeGlobalRequest } from "../src/codec/global-request.ts";
import { encodeKexInit } from "../src/codec/kex-init.ts";
import { encodeExchangeInit, encodeNewKeys } from "../src/codec/key-exchange.ts";
import { number } from "../src/codec/numbers.ts";
import { encodeServiceRequest, service } from "../src/codec/service.ts";
import { writeBoolean, writeString } from "../src/codec/strings.ts";
import { encodeUserauthSuccess } from "../src/codec/userauth-answer.ts";
import { encodeInfoResponse } from "../src/codec/userauth-info.ts";
import {
  encodeKeyboardInteractiveRequest,
  encodeKeyRequest,
  encodeNoneRequest,
  encodePasswordRequest,
  method,
  signedData,
  withSignature,
} from "../src/codec/userauth-request.ts";
import type { Fault, Kind } from "./steps.ts";

/** Who the client would be if it were let in. */
export const USER = "deploy@web";
const ED25519 = "ssh-ed25519";
const DATA = Buffer.from("data");

/** What there is to prove somebody by. */
export interface Keys {
  /** It gets in. */
  readonly known: PrivateKey;
  /** It does not. */
  readonly stranger: PrivateKey;
  /** RSA, and gets in by a signature that is not of SHA-1. */
  readonly rsa: PrivateKey;
}

/** The connection that a message is for. */
export interface Here {
  /** Undefined as long as there are no keys. */
  readonly sessionId: Buffer | undefined;
  readonly keys: Keys;
}

/** A message as it should be. */
export function messageOf(kind: Kind, here: Here): Buffer {
  const { keys } = here;
  const shown = { algorithm: ED25519, blob: keys.known.publicKey.blob };
  switch (kind) {
    case "service":
      return encodeServiceRequest(service.userauth);
    case "none":
      return encodeNoneRequest(USER, service.connection);
    case "password":
      return encodePasswordRequest(USER, service.connection, new Secret("not the token"));
    case "interactive":
      return encodeKeyboardInteractiveRequest(USER, service.connection);
    case "response":
      return encodeInfoResponse([new Secret("a")]);
    case "shown key":
      return encodeKeyRequest(USER, service.connection, shown, false);
    case "signed key":
      return signed(here, keys.known, ED25519);
    case "ext-info":
      return encodeExtInfo(new Map([["server-sig-algs", Buffer.from(ED25519)]]));
    case "ignore":
      return encodeIgnore(DATA);
    case "debug":
      return writeString(
        writeString(writeBoolean(new ByteWriter().uint8(number.debug), true), "look"),
        "",
      ).toBuffer();
    case "unimplemented":
      return encodeUnimplemented(3);
    case "disconnect":
      return encodeDisconnect({ reason: 11, description: "bye" });
    case "kexinit":
      return encodeKexInit(
        {
          ...{ kex: ["curve25519-sha256"], hostKeys: [ED25519], guessFollows: true },
          ...{ cipherToServer: ["aes128-ctr"], cipherToClient: ["aes128-ctr"] },
          ...{ macToServer: ["hmac-sha2-256-etm@openssh.com"] },
          ...{ macToClient: ["hmac-sha2-256-etm@openssh.com"] },
          ...{ compressionToServer: ["none"], compressionToClient: ["none"] },
        },
        Buffer.alloc(16, 1),
      );
    case "kex":
      return encodeExchangeInit(Buffer.alloc(32, 9));
    case "newkeys":
      return encodeNewKeys();
    case "success":
      return encodeUserauthSuccess();
    case "channel":
      return encodeChannelOpen("session", { channel: 0, window: 2 ** 21, packet: 32_768 }, Buffer.alloc(0));
    case "request":
      return encodeChannelRequest(0, { type: "exec", wantReply: true, data: encodeExec(Buffer.from("id")) });
    case "data":
      return Buffer.concat([dataHeader(0, DATA.length), DATA]);
    case "global":
      return encodeGlobalRequest("keepalive@openssh.com", true);
  }
}

/** A request to be let in by a key that would be taken, but for one fault. */
export function proofOf(fault: Fault, here: Here): Buffer {
  const { keys } = here;
  const { known, stranger, rsa } = keys;
  switch (fault) {
    case "other session":
      return signed({ ...here, sessionId: Buffer.alloc(32, 5) }, known, ED25519);
    case "other user":
      return signed(here, known, ED25519, { over: request("root@web", service.connection, known) });
    case "other service":
      return signed(here, known, ED25519, { over: request(USER, service.userauth, known) });
    case "other key":
      return signed(here, known, ED25519, { by: stranger });
    case "other algorithm":
      // Names RSA of one size, and is signed by the other.
      return signed(here, rsa, "rsa-sha2-512", { signs: "rsa-sha2-256" });
    case "other host":
      return hostBound(here, known, stranger.publicKey.blob);
    case "sha-1":
      return signed(here, rsa, "ssh-rsa", { signs: "rsa-sha2-256" });
    case "empty":
      return withSignature(request(USER, service.connection, known), Buffer.alloc(0));
    case "cut":
      return withSignature(
        request(USER, service.connection, known),
        known.sign(ED25519, DATA).subarray(0, 40),
      );
    case "unsigned":
      // Says that there is a signature, and has none.
      return request(USER, service.connection, known);
    case "stranger":
      return signed(here, stranger, ED25519);
    case "certificate":
      return certified(here);
  }
}

function request(
  user: string,
  wanted: string,
  key: PrivateKey,
  algorithm: string = key.publicKey.type,
): Buffer {
  return encodeKeyRequest(user, wanted, { algorithm, blob: key.publicKey.blob }, true);
}

interface Otherwise {
  readonly by?: PrivateKey;
  readonly over?: Buffer;
  readonly signs?: "rsa-sha2-256";
}

function signed({ sessionId }: Here, key: PrivateKey, algorithm: string, otherwise: Otherwise = {}): Buffer {
  const shown = request(USER, service.connection, key, algorithm);
  const { by = key, over = shown, signs = ED25519 } = otherwise;
  return withSignature(shown, by.sign(signs, signedData(sessionId ?? Buffer.alloc(32), over)));
}

/** publickey-hostbound-v00@openssh.com, for another server than this one. */
function hostBound({ sessionId }: Here, key: PrivateKey, hostKey: Buffer): Buffer {
  const writer = new ByteWriter().uint8(number.userauthRequest);
  for (const text of [USER, service.connection, method.hostBound]) writeString(writer, text);
  writeString(writeString(writeBoolean(writer, true), ED25519), key.publicKey.blob);
  const shown = writeString(writer, hostKey).toBuffer();
  return withSignature(shown, key.sign(ED25519, signedData(sessionId ?? Buffer.alloc(32), shown)));
}

/** A certificate of nobody's authority, over a key that would be taken by itself. */
function certified({ sessionId, keys: { known, stranger } }: Here): Buffer {
  const { blob, algorithm } = issueCertificate(
    stranger,
    {
      ...{ type: "user", publicKey: known.publicKey, serial: 1n, keyId: "dana", principals: ["deploy"] },
      ...{ validAfter: 0, validBefore: 4_000_000_000_000 },
    },
    (size) => Buffer.alloc(size, 1),
  );
  const shown = encodeKeyRequest(USER, service.connection, { algorithm, blob }, true);
  return withSignature(shown, known.sign(ED25519, signedData(sessionId ?? Buffer.alloc(32), shown)));
}
