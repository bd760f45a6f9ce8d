import { ByteReader, ByteWriter } from "@gatehouse/wire";
import { frame } from "./framing.ts";

/*
 * FunctionCall (F)
 *   Byte1('F')  Int32 length
 *   Int32       object id of the function
 *   Int16       number of argument formats, and the formats; number of arguments, and the arguments as in
 *               Bind; Int16 format of the result
 */

/**
 * The object id of the function that is called.
 * @throws GatehouseError PROTOCOL_VIOLATION
 */
export function decodeFunctionCall(body: Buffer): number {
  return new ByteReader(body).uint32();
}

/** A call without arguments. */
export function encodeFunctionCall(objectId: number): Buffer {
  return frame("F", new ByteWriter().uint32(objectId).int16(0).int16(0).int16(0).toBuffer());
}
