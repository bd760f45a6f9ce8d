import { ByteReader, ByteWriter } from "@gatehouse/wire";
import { readString, writeString } from "../../codec/strings.ts";
import { packet } from "./numbers.ts";

/*
 * How it begins (draft-ietf-secsh-filexfer-02 section 4):
 *
 *   byte    1 SSH_FXP_INIT, 2 SSH_FXP_VERSION
 *   uint32  version
 *     string  extension's name, data   until the packet ends
 */

export interface Initialization {
  readonly version: number;
  readonly extensions: readonly { readonly name: string; readonly data: string }[];
}

/** @throws GatehouseError PROTOCOL_VIOLATION, as do all decoders of this folder */
export function decodeInitialization(body: Buffer): Initialization {
  const reader = new ByteReader(body.subarray(1));
  const version = reader.uint32();
  const extensions: { name: string; data: string }[] = [];
  while (reader.remaining > 0) {
    // Names that nobody here knows may be in any encoding: they are compared, and left out.
    extensions.push({
      name: readString(reader).toString("latin1"),
      data: readString(reader).toString("latin1"),
    });
  }
  return { version, extensions };
}

export function encodeInit(version: number): Buffer {
  return new ByteWriter(9).uint32(5).uint8(packet.init).uint32(version).toBuffer();
}

export function encodeVersion({ version, extensions }: Initialization): Buffer {
  const writer = new ByteWriter().int32(0).uint8(packet.version).uint32(version);
  for (const { name, data } of extensions) {
    writeString(writeString(writer, Buffer.from(name, "latin1")), Buffer.from(data, "latin1"));
  }
  return writer.setInt32(0, writer.length - 4).toBuffer();
}
