import { limitsWithin } from "../../src/sftp/codec/limits.ts";
import { decodeInitialization, encodeInit, encodeVersion } from "../../src/sftp/codec/initialization.ts";
import { decodeRequest, encodeRequest } from "../../src/sftp/codec/request.ts";
import {
  checkReply,
  decodeResponse,
  encodeAttributes,
  encodeHandle,
  encodeNames,
  encodeStatus,
} from "../../src/sftp/codec/response.ts";
import { decodeWrite, writeHeader } from "../../src/sftp/codec/handle-request.ts";
import type { Decoder } from "./decoder.ts";
import { key, string, strings } from "./samples.ts";

const { blob } = key.publicKey;
/** An SFTP packet without its length, as the decoders are given it. */
const body = (packet: Buffer): Buffer => packet.subarray(4);

const attributes = { size: 3n, permissions: 0o644 };
export const sftp: readonly Decoder[] = [
  {
    name: "sftp INIT and VERSION",
    samples: [
      body(encodeInit(3)),
      body(encodeVersion({ version: 3, extensions: [{ name: "a@b", data: "1" }] })),
    ],
    decode: decodeInitialization,
  },
  {
    name: "sftp requests",
    samples: [
      body(encodeRequest(1, { type: "open", path: Buffer.from("/srv"), flags: 1, attributes })),
      body(encodeRequest(1, { type: "rename", path: Buffer.from("/a"), to: Buffer.from("/b") })),
    ],
    decode: decodeRequest,
    again: (bytes) => {
      const { id, request } = decodeRequest(bytes);
      // One of an extension that is not known here is written by nobody.
      return request ? body(encodeRequest(id, request)) : bytes;
    },
  },
  {
    name: "sftp answers",
    samples: [
      body(encodeStatus(1, 4, "no")),
      body(encodeHandle(1, "h")),
      body(encodeNames(1, [Buffer.from("a"), Buffer.from("b")])),
      body(encodeAttributes(1, attributes)),
    ],
    decode: decodeResponse,
  },
  {
    name: "sftp WRITE",
    samples: [body(Buffer.concat([writeHeader(1, { handle: "h", offset: 0, length: blob.length }), blob]))],
    decode: (bytes) => decodeWrite([bytes]),
  },
  { name: "sftp limits", samples: [Buffer.alloc(32, 1)], decode: (bytes) => limitsWithin(bytes, 262_144) },
  ...(["statvfs", "limits", "users-groups-by-id"] as const).map((of) => ({
    name: `sftp ${of}`,
    samples: [Buffer.alloc(88), Buffer.alloc(32), strings(string("a").toString("latin1"), "")] as const,
    decode: (bytes: Buffer) => checkReply(of, bytes),
  })),
];
