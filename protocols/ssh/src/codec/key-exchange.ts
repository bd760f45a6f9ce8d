import { ByteReader, ByteWriter } from "@gatehouse/wire";
import { number } from "./numbers.ts";
import { readString, writeString } from "./strings.ts";

/*
 * Both sides' public values, and the server's proof of who it is (RFC 4253 section 8, RFC 5656 section 4,
 * draft-ietf-sshm-mlkem-hybrid-kex section 2.4). All exchanges write them alike: where a Diffie-Hellman group has an mpint,
 * that is a string too, whose bytes are the exchange's to read.
 *
 *   byte      30 SSH_MSG_KEXDH_INIT, _KEX_ECDH_INIT, _KEX_HYBRID_INIT
 *   string    the client's public value
 *
 *   byte      31 SSH_MSG_KEXDH_REPLY, _KEX_ECDH_REPLY, _KEX_HYBRID_REPLY
 *   string    the server's host key
 *   string    the server's public value
 *   string    the signature of the exchange hash
 *
 *   byte      21 SSH_MSG_NEWKEYS
 */

export interface ExchangeReply {
  readonly hostKey: Buffer;
  readonly publicValue: Buffer;
  readonly signature: Buffer;
}

export function decodeExchangeInit(payload: Buffer): Buffer {
  const reader = new ByteReader(payload.subarray(1));
  const value = readString(reader);
  reader.end();
  return value;
}

export function encodeExchangeInit(publicValue: Uint8Array): Buffer {
  return writeString(new ByteWriter().uint8(number.kexExchangeInit), publicValue).toBuffer();
}

export function decodeExchangeReply(payload: Buffer): ExchangeReply {
  const reader = new ByteReader(payload.subarray(1));
  const reply = {
    hostKey: readString(reader),
    publicValue: readString(reader),
    signature: readString(reader),
  };
  reader.end();
  return reply;
}

export function encodeExchangeReply({ hostKey, publicValue, signature }: ExchangeReply): Buffer {
  const writer = writeString(new ByteWriter(1024).uint8(number.kexExchangeReply), hostKey);
  return writeString(writeString(writer, publicValue), signature).toBuffer();
}

export function decodeNewKeys(payload: Buffer): void {
  new ByteReader(payload.subarray(1)).end();
}

export function encodeNewKeys(): Buffer {
  return Buffer.of(number.newKeys);
}
