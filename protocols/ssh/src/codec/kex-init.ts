import { GatehouseError } from "@gatehouse/core";
import { ByteReader, ByteWriter } from "@gatehouse/wire";
import { number } from "./numbers.ts";
import { readBoolean, readNameList, writeBoolean, writeNameList } from "./strings.ts";

/*
 * What a side is ready to use, best first (RFC 4253 section 7.1):
 *
 *   byte         20 SSH_MSG_KEXINIT
 *   byte[16]     cookie
 *   name-list    kex_algorithms
 *   name-list    server_host_key_algorithms
 *   name-list    encryption_algorithms_client_to_server, .._server_to_client
 *   name-list    mac_algorithms_client_to_server, .._server_to_client
 *   name-list    compression_algorithms_client_to_server, .._server_to_client
 *   name-list    languages_client_to_server, .._server_to_client
 *   boolean      first_kex_packet_follows
 *   uint32       0
 */

export interface KexInit {
  readonly kex: readonly string[];
  readonly hostKeys: readonly string[];
  readonly cipherToServer: readonly string[];
  readonly cipherToClient: readonly string[];
  readonly macToServer: readonly string[];
  readonly macToClient: readonly string[];
  readonly compressionToServer: readonly string[];
  readonly compressionToClient: readonly string[];
  /** The next message is one of the exchange that would be chosen if the other side's first names were the same. */
  readonly guessFollows: boolean;
}

const COOKIE = 16;

/** @throws GatehouseError PROTOCOL_VIOLATION, as do all decoders of this folder */
export function decodeKexInit(payload: Buffer): KexInit {
  const reader = new ByteReader(payload.subarray(1));
  reader.bytes(COOKIE);
  const init = {
    kex: readNameList(reader),
    hostKeys: readNameList(reader),
    cipherToServer: readNameList(reader),
    cipherToClient: readNameList(reader),
    macToServer: readNameList(reader),
    macToClient: readNameList(reader),
    compressionToServer: readNameList(reader),
    compressionToClient: readNameList(reader),
  };
  readNameList(reader);
  readNameList(reader);
  const guessFollows = readBoolean(reader);
  if (reader.uint32() !== 0) throw new GatehouseError("PROTOCOL_VIOLATION", "reserved field is not zero");
  reader.end();
  return { ...init, guessFollows };
}

/** @param cookie 16 random bytes */
export function encodeKexInit(init: KexInit, cookie: Uint8Array): Buffer {
  const writer = new ByteWriter(1024).uint8(number.kexInit).bytes(cookie);
  const lists = [
    init.kex,
    init.hostKeys,
    init.cipherToServer,
    init.cipherToClient,
    init.macToServer,
    init.macToClient,
    init.compressionToServer,
    init.compressionToClient,
    [],
    [],
  ];
  for (const list of lists) writeNameList(writer, list);
  return writeBoolean(writer, init.guessFollows).uint32(0).toBuffer();
}
