import { GatehouseError } from "@gatehouse/core";
import { ByteReader, ByteWriter } from "@gatehouse/wire";
import { frame } from "./framing.ts";
import { type Decode, decodeUtf8, readName } from "./name.ts";

/*
 * Bind (F)
 *   Byte1('B')  Int32 length
 *   String      name of the portal; empty for the unnamed one
 *   String      name of the prepared statement
 *   Int16       number of parameter formats C, and for each
 *     Int16     0 text, 1 binary. C = 0: all are text; C = 1: the one is for all
 *   Int16       number of parameters, and for each
 *     Int32     length in bytes; -1 for NULL, which has no bytes
 *     Byte n    value
 *   Int16       number of result formats R, and for each
 *     Int16     0 text, 1 binary
 */
export interface BindParameter {
  readonly binary: boolean;
  /** null is SQL's NULL. */
  readonly value: Buffer | null;
}

export interface Bind {
  readonly portal: string;
  readonly statement: string;
  readonly parameters: readonly BindParameter[];
}

/**
 * @param decode reads names, in the encoding of the session
 * @throws GatehouseError PROTOCOL_VIOLATION
 */
export function decodeBind(body: Buffer, decode: Decode = decodeUtf8): Bind {
  const reader = new ByteReader(body);
  const portal = readName(reader, decode);
  const statement = readName(reader, decode);
  const parameters = readParameters(reader, "bind");
  for (let left = reader.uint16(); left > 0; left--) reader.int16();
  reader.end();
  return { portal, statement, parameters };
}

/**
 * Formats and values, as Bind and FunctionCall have them.
 * @param message whose they are, for the error
 * @throws GatehouseError PROTOCOL_VIOLATION
 */
export function readParameters(reader: ByteReader, message: string): readonly BindParameter[] {
  const formatCount = reader.uint16();
  const formats: number[] = [];
  while (formats.length < formatCount) formats.push(reader.int16());
  const count = reader.uint16();
  if (formats.length > 1 && formats.length !== count) {
    throw new GatehouseError(
      "PROTOCOL_VIOLATION",
      `${message} message has ${formats.length} parameter formats but ${count} parameters`,
    );
  }
  const parameters: BindParameter[] = [];
  for (let index = 0; index < count; index++) {
    const format = formats.length === 1 ? formats[0] : formats[index];
    const length = reader.int32();
    parameters.push({ binary: format === 1, value: length === -1 ? null : reader.bytes(length) });
  }
  return parameters;
}

/** Bytes of a chunk that may be kept for the sake of a few in it: to copy those would cost more. */
const SMALL_CHUNK = 512;

/** The same values, to be kept: as they are, they keep all of the chunk that they came in, so of a large one, a copy. */
export function ownParameters(parameters: readonly BindParameter[]): readonly BindParameter[] {
  let size = 0;
  let copied = false;
  for (const { value } of parameters) {
    if (value === null) continue;
    size += value.length;
    copied ||= value.buffer.byteLength > SMALL_CHUNK;
  }
  if (!copied) return parameters;
  const own = Buffer.allocUnsafeSlow(size);
  let at = 0;
  return parameters.map(({ binary, value }) => {
    if (value === null) return { binary, value };
    value.copy(own, at);
    at += value.length;
    return { binary, value: own.subarray(at - value.length, at) };
  });
}

/** A Bind of a statement to a portal; its results are asked for as text. */
export function encodeBind(
  statement: string,
  portal = "",
  parameters: readonly BindParameter[] = [],
): Buffer {
  const body = new ByteWriter().cstring(portal).cstring(statement).int16(parameters.length);
  for (const { binary } of parameters) body.int16(binary ? 1 : 0);
  body.int16(parameters.length);
  for (const { value } of parameters) {
    if (value === null) body.int32(-1);
    else body.int32(value.length).bytes(value);
  }
  return frame("B", body.int16(0).toBuffer());
}
