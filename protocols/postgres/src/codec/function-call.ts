import { ByteReader, ByteWriter } from "@gatehouse/wire";
import { type BindParameter, readParameters } from "./bind.ts";
import { frame } from "./framing.ts";

/*
 * FunctionCall (F)
 *   Byte1('F')  Int32 length
 *   Int32       object id of the function
 *   formats and values of the arguments, as Bind has them
 *   Int16       format of the result: 0 text, 1 binary
 */
export interface FunctionCall {
  readonly objectId: number;
  readonly parameters: readonly BindParameter[];
}

/** @throws GatehouseError PROTOCOL_VIOLATION */
export function decodeFunctionCall(body: Buffer): FunctionCall {
  const reader = new ByteReader(body);
  const objectId = reader.uint32();
  const parameters = readParameters(reader, "function call");
  reader.int16();
  reader.end();
  return { objectId, parameters };
}

/** A call without arguments. */
export function encodeFunctionCall(objectId: number): Buffer {
  return frame("F", new ByteWriter().uint32(objectId).int16(0).int16(0).int16(0).toBuffer());
}
