import { ByteReader, ByteWriter } from "@gatehouse/wire";
import { frame } from "./framing.ts";

/*
 * Authentication (B)
 *   Byte1('R')  Int32 length
 *   Int32       0 Ok, 3 CleartextPassword, 5 MD5Password, 10 SASL, 11 SASLContinue, 12 SASLFinal, ...
 *
 * SASL goes on with the names of mechanisms, each a String, and a zero byte; SASLContinue and SASLFinal go
 * on with the mechanism's own data.
 */
export type Authentication =
  | { readonly kind: "ok" }
  | { readonly kind: "sasl"; readonly mechanisms: readonly string[] }
  | { readonly kind: "sasl-continue"; readonly data: Buffer }
  | { readonly kind: "sasl-final"; readonly data: Buffer }
  /** A way that the gateway does not take: clear text, MD5, GSSAPI and others. */
  | { readonly kind: "other"; readonly code: number };

/** @throws GatehouseError PROTOCOL_VIOLATION */
export function decodeAuthentication(body: Buffer): Authentication {
  const reader = new ByteReader(body);
  const code = reader.int32();
  switch (code) {
    case 0:
      return { kind: "ok" };
    case 10: {
      const mechanisms: string[] = [];
      for (let name = reader.cstring(); name !== ""; name = reader.cstring()) mechanisms.push(name);
      reader.end();
      return { kind: "sasl", mechanisms };
    }
    case 11:
      return { kind: "sasl-continue", data: reader.rest() };
    case 12:
      return { kind: "sasl-final", data: reader.rest() };
    default:
      return { kind: "other", code };
  }
}

export function encodeAuthenticationOk(): Buffer {
  return frame("R", new ByteWriter().int32(0).toBuffer());
}

export function encodeAuthenticationCleartextPassword(): Buffer {
  return frame("R", new ByteWriter().int32(3).toBuffer());
}
