import { GatehouseError } from "@gatehouse/core";
import { ByteReader, ByteWriter } from "@gatehouse/wire";
import { frame } from "./framing.ts";

/*
 * Authentication (B)
 *   Byte1('R')  Int32 length
 *   Int32       0 Ok, 3 CleartextPassword, 5 MD5Password, 10 SASL, 11 SASLContinue, 12 SASLFinal, ...
 *
 * MD5Password goes on with Byte4 salt; SASL with the names of mechanisms, each a String, and a zero byte;
 * SASLContinue and SASLFinal with the mechanism's own data.
 */
export type Authentication =
  | { readonly kind: "ok" }
  | { readonly kind: "password" }
  | { readonly kind: "md5"; readonly salt: Buffer }
  | { readonly kind: "sasl"; readonly mechanisms: readonly string[] }
  | { readonly kind: "sasl-continue"; readonly data: Buffer }
  | { readonly kind: "sasl-final"; readonly data: Buffer }
  /** A way that the gateway does not take: GSSAPI and others. */
  | { readonly kind: "other"; readonly code: number };

/** PostgreSQL offers two. */
const MAX_MECHANISMS = 16;

/** @throws GatehouseError PROTOCOL_VIOLATION */
export function decodeAuthentication(body: Buffer): Authentication {
  const reader = new ByteReader(body);
  const code = reader.int32();
  switch (code) {
    case 0:
      reader.end();
      return { kind: "ok" };
    case 3:
      reader.end();
      return { kind: "password" };
    case 5: {
      const salt = reader.bytes(4);
      reader.end();
      return { kind: "md5", salt };
    }
    case 10: {
      const mechanisms: string[] = [];
      for (let name = reader.cstring(); name !== ""; name = reader.cstring()) {
        if (mechanisms.length === MAX_MECHANISMS) {
          throw new GatehouseError("PROTOCOL_VIOLATION", "too many SASL mechanisms");
        }
        mechanisms.push(name);
      }
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
