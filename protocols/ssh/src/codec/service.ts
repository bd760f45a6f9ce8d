import { ByteReader, ByteWriter } from "@gatehouse/wire";
import { number } from "./numbers.ts";
import { readName, writeString } from "./strings.ts";

/*
 * What is to be spoken over the transport (RFC 4253 section 10):
 *
 *   byte      5 SSH_MSG_SERVICE_REQUEST, 6 SSH_MSG_SERVICE_ACCEPT
 *   string    service name
 */

/** The services that there are (RFC 4250 section 4.7). */
export const service = { userauth: "ssh-userauth", connection: "ssh-connection" } as const;

/** The name in a request for a service, or in the answer to one. */
export function decodeService(payload: Buffer): string {
  const reader = new ByteReader(payload.subarray(1));
  const name = readName(reader);
  reader.end();
  return name;
}

export function encodeServiceRequest(name: string): Buffer {
  return writeString(new ByteWriter(32).uint8(number.serviceRequest), name).toBuffer();
}

export function encodeServiceAccept(name: string): Buffer {
  return writeString(new ByteWriter(32).uint8(number.serviceAccept), name).toBuffer();
}
