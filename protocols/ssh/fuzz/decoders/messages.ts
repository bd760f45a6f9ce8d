import { Secret } from "@gatehouse/core";
import { checkAside, encodeIgnore, encodeUnimplemented } from "../../src/codec/asides.ts";
import {
  dataHeader,
  decodeChannelData,
  decodeExtendedData,
  decodeWindowAdjust,
  encodeWindowAdjust,
  extendedDataHeader,
  recipientOf,
} from "../../src/codec/channel-data.ts";
import {
  decodeChannelOpen,
  decodeOpenConfirmation,
  decodeOpenFailure,
  decodeSocketPath,
  decodeTcpRoute,
  encodeChannelOpen,
  encodeOpenConfirmation,
  encodeOpenFailure,
} from "../../src/codec/channel-open.ts";
import {
  decodeBreak,
  decodeChannelRequest,
  decodeEmpty,
  decodeEnv,
  decodeExec,
  decodeExitSignal,
  decodeExitStatus,
  decodeFlowControl,
  decodePtyRequest,
  decodeSignal,
  decodeSubsystem,
  decodeWindowChange,
  decodeX11Request,
  encodeChannelRequest,
  encodeExec,
  encodeExitStatus,
} from "../../src/codec/channel-request.ts";
import { decodeDisconnect, encodeDisconnect } from "../../src/codec/disconnect.ts";
import { decodeExtInfo, encodeExtInfo } from "../../src/codec/ext-info.ts";
import {
  decodeBoundPort,
  decodeGlobalRequest,
  decodeListenAddress,
  decodeListenPath,
  encodeGlobalRequest,
} from "../../src/codec/global-request.ts";
import { decodeKexInit, encodeKexInit } from "../../src/codec/kex-init.ts";
import {
  decodeExchangeInit,
  decodeExchangeReply,
  decodeNewKeys,
  encodeExchangeInit,
  encodeExchangeReply,
  encodeNewKeys,
} from "../../src/codec/key-exchange.ts";
import { decodeService, encodeServiceRequest, service } from "../../src/codec/service.ts";
import {
  decodeBanner,
  decodePkOk,
  decodeUserauthFailure,
  decodeUserauthSuccess,
  encodeBanner,
  encodePkOk,
  encodeUserauthFailure,
  encodeUserauthSuccess,
} from "../../src/codec/userauth-answer.ts";
import {
  decodeInfoRequest,
  decodeInfoResponse,
  encodeInfoRequest,
  encodeInfoResponse,
} from "../../src/codec/userauth-info.ts";
import {
  decodeUserauthRequest,
  encodeKeyboardInteractiveRequest,
  encodeKeyRequest,
  encodeNoneRequest,
  encodePasswordRequest,
  withSignature,
} from "../../src/codec/userauth-request.ts";
import type { Decoder } from "./decoder.ts";
import { key, numbers, string, strings } from "./samples.ts";

const { blob } = key.publicKey;
const shown = { algorithm: "ssh-ed25519", blob };
const terms = { channel: 3, window: 2 ** 21, packet: 32_768 };
const asked = encodeKeyRequest("deploy@web", service.connection, shown, true);
const signature = key.sign("ssh-ed25519", asked);
const init = {
  ...{ kex: ["curve25519-sha256", "ext-info-c"], hostKeys: ["ssh-ed25519"] },
  ...{ cipherToServer: ["aes128-ctr"], cipherToClient: ["aes128-ctr"] },
  ...{ macToServer: ["hmac-sha2-256-etm@openssh.com"], macToClient: ["hmac-sha2-256-etm@openssh.com"] },
  ...{ compressionToServer: ["none"], compressionToClient: ["none"], guessFollows: false },
};

export const messages: readonly Decoder[] = [
  { name: "asides", samples: [encodeIgnore(blob), encodeUnimplemented(9)], decode: checkAside },
  {
    name: "DISCONNECT",
    samples: [encodeDisconnect({ reason: 11, description: "bye" })],
    decode: decodeDisconnect,
    again: (bytes) => encodeDisconnect(decodeDisconnect(bytes)),
  },
  {
    name: "EXT_INFO",
    samples: [encodeExtInfo(new Map([["server-sig-algs", Buffer.from("ssh-ed25519")]]))],
    decode: decodeExtInfo,
    again: (bytes) => encodeExtInfo(decodeExtInfo(bytes)),
  },
  {
    name: "SERVICE_REQUEST",
    samples: [encodeServiceRequest(service.userauth)],
    decode: decodeService,
    again: (bytes) => encodeServiceRequest(decodeService(bytes)),
  },
  {
    name: "KEXINIT",
    samples: [encodeKexInit(init, Buffer.alloc(16))],
    decode: decodeKexInit,
    again: (bytes) => encodeKexInit(decodeKexInit(bytes), Buffer.alloc(16)),
  },
  {
    name: "the client's public value",
    samples: [encodeExchangeInit(Buffer.alloc(32, 9))],
    decode: decodeExchangeInit,
    again: (bytes) => encodeExchangeInit(decodeExchangeInit(bytes)),
  },
  {
    name: "the server's public value",
    samples: [encodeExchangeReply({ hostKey: blob, publicValue: Buffer.alloc(32), signature })],
    decode: decodeExchangeReply,
    again: (bytes) => encodeExchangeReply(decodeExchangeReply(bytes)),
  },
  { name: "NEWKEYS", samples: [encodeNewKeys()], decode: decodeNewKeys },
  {
    name: "USERAUTH_REQUEST",
    samples: [
      encodeNoneRequest("deploy@web", service.connection),
      encodePasswordRequest("deploy@web", service.connection, new Secret("hunter2")),
      encodeKeyboardInteractiveRequest("deploy@web", service.connection),
      encodeKeyRequest("deploy@web", service.connection, shown, false),
      withSignature(asked, signature),
    ],
    decode: decodeUserauthRequest,
  },
  {
    name: "USERAUTH_FAILURE",
    samples: [encodeUserauthFailure({ methods: ["publickey", "password"], partial: false })],
    decode: decodeUserauthFailure,
    again: (bytes) => encodeUserauthFailure(decodeUserauthFailure(bytes)),
  },
  { name: "USERAUTH_SUCCESS", samples: [encodeUserauthSuccess()], decode: decodeUserauthSuccess },
  {
    name: "USERAUTH_BANNER",
    samples: [encodeBanner("hello\n")],
    decode: decodeBanner,
    again: (bytes) => encodeBanner(decodeBanner(bytes)),
  },
  {
    name: "USERAUTH_PK_OK",
    samples: [encodePkOk(shown)],
    decode: decodePkOk,
    again: (bytes) => encodePkOk(decodePkOk(bytes)),
  },
  {
    name: "USERAUTH_INFO_REQUEST",
    samples: [
      encodeInfoRequest({ name: "a", instruction: "b", prompts: [{ text: "Password: ", echo: false }] }),
    ],
    decode: decodeInfoRequest,
    again: (bytes) => encodeInfoRequest(decodeInfoRequest(bytes)),
  },
  {
    name: "USERAUTH_INFO_RESPONSE",
    samples: [encodeInfoResponse([new Secret("hunter2")])],
    decode: (bytes) => decodeInfoResponse(bytes).map((answer) => answer.reveal()),
    again: (bytes) => encodeInfoResponse(decodeInfoResponse(bytes)),
  },
  {
    name: "GLOBAL_REQUEST",
    samples: [encodeGlobalRequest("tcpip-forward", true, Buffer.concat([string("localhost"), numbers(80)]))],
    decode: decodeGlobalRequest,
    again: (bytes) => {
      const { name, wantReply, data } = decodeGlobalRequest(bytes);
      return encodeGlobalRequest(name, wantReply, data);
    },
  },
  {
    name: "where to listen",
    samples: [Buffer.concat([string("localhost"), numbers(8080)])],
    decode: decodeListenAddress,
  },
  { name: "the port listened on", samples: [numbers(8080)], decode: decodeBoundPort },
  { name: "the path listened on", samples: [string("/run/socket")], decode: decodeListenPath },
  {
    name: "CHANNEL_OPEN",
    samples: [encodeChannelOpen("session", terms, Buffer.alloc(0))],
    decode: decodeChannelOpen,
    again: (bytes) => {
      const opening = decodeChannelOpen(bytes);
      return encodeChannelOpen(opening.type, opening, opening.data);
    },
  },
  {
    name: "CHANNEL_OPEN_CONFIRMATION",
    samples: [encodeOpenConfirmation(1, terms)],
    decode: decodeOpenConfirmation,
  },
  {
    name: "CHANNEL_OPEN_FAILURE",
    samples: [encodeOpenFailure(1, { reason: 2, description: "no" })],
    decode: decodeOpenFailure,
    again: (bytes) => encodeOpenFailure(decodeOpenFailure(bytes).recipient, decodeOpenFailure(bytes)),
  },
  {
    name: "a route",
    samples: [Buffer.concat([string("db.internal"), numbers(5432), string("::1"), numbers(50_000)])],
    decode: decodeTcpRoute,
  },
  {
    name: "a socket's path",
    samples: [Buffer.concat([strings("/run/socket", ""), numbers(0)]), strings("/run/socket", "")],
    decode: (bytes) => {
      if (bytes.length % 2 === 0) return decodeSocketPath(bytes, "direct");
      return decodeSocketPath(bytes, "forwarded");
    },
  },
  {
    name: "CHANNEL_DATA",
    samples: [Buffer.concat([dataHeader(3, blob.length), blob])],
    decode: (bytes) => [recipientOf(bytes), decodeChannelData(bytes)],
  },
  {
    name: "CHANNEL_EXTENDED_DATA",
    samples: [Buffer.concat([extendedDataHeader(3, 1, blob.length), blob])],
    decode: decodeExtendedData,
  },
  { name: "CHANNEL_WINDOW_ADJUST", samples: [encodeWindowAdjust(3, 100)], decode: decodeWindowAdjust },
  {
    name: "CHANNEL_REQUEST",
    samples: [
      encodeChannelRequest(3, { type: "exec", wantReply: true, data: encodeExec(Buffer.from("ls")) }),
    ],
    decode: decodeChannelRequest,
    again: (bytes) => encodeChannelRequest(recipientOf(bytes), decodeChannelRequest(bytes)),
  },
  {
    name: "exec",
    samples: [encodeExec(Buffer.from("ls -l"))],
    decode: decodeExec,
    again: (bytes) => encodeExec(decodeExec(bytes)),
  },
  {
    name: "exit-status",
    samples: [encodeExitStatus(3)],
    decode: decodeExitStatus,
    again: (bytes) => encodeExitStatus(decodeExitStatus(bytes)),
  },
  {
    name: "pty-req",
    samples: [Buffer.concat([string("xterm"), numbers(80, 24, 0, 0), string("")])],
    decode: decodePtyRequest,
  },
  { name: "window-change", samples: [numbers(80, 24, 0, 0)], decode: decodeWindowChange },
  { name: "env", samples: [strings("LANG", "C")], decode: decodeEnv },
  { name: "subsystem", samples: [string("sftp")], decode: decodeSubsystem },
  { name: "nothing", samples: [Buffer.alloc(0)], decode: decodeEmpty },
  {
    name: "x11-req",
    samples: [Buffer.concat([Buffer.of(0), strings("MIT-MAGIC-COOKIE-1", "00"), numbers(0)])],
    decode: decodeX11Request,
  },
  { name: "signal", samples: [string("TERM")], decode: decodeSignal },
  { name: "break", samples: [numbers(500)], decode: decodeBreak },
  { name: "xon-xoff", samples: [Buffer.of(1)], decode: decodeFlowControl },
  {
    name: "exit-signal",
    samples: [Buffer.concat([string("KILL"), Buffer.of(0), strings("", "")])],
    decode: decodeExitSignal,
  },
];
