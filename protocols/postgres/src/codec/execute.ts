import { ByteReader, ByteWriter } from "@gatehouse/wire";
import { frame } from "./framing.ts";
import { type Decode, decodeUtf8, readName } from "./name.ts";

/*
 * Execute (F)
 *   Byte1('E')  Int32 length
 *   String      name of the portal
 *   Int32       most rows to return; zero for all
 */
export interface Execute {
  readonly portal: string;
  readonly rows: number;
}

/**
 * @param decode reads names, in the encoding of the session
 * @throws GatehouseError PROTOCOL_VIOLATION
 */
export function decodeExecute(body: Buffer, decode: Decode = decodeUtf8): Execute {
  const reader = new ByteReader(body);
  const execute = { portal: readName(reader, decode), rows: reader.int32() };
  reader.end();
  return execute;
}

/** Runs a portal to its end. */
export function encodeExecute(portal: string): Buffer {
  return frame("E", new ByteWriter().cstring(portal).int32(0).toBuffer());
}

/** Describes the portal that an Execute runs: by the bytes of its name, in whatever encoding. */
export function describing(execute: Buffer): Buffer {
  const name = execute.subarray(5, -4);
  return frame("D", new ByteWriter(1 + name.length).uint8("P".charCodeAt(0)).bytes(name).toBuffer());
}
