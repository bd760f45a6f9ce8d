import { ByteReader, ByteWriter } from "@gatehouse/wire";
import { frame } from "./framing.ts";

/*
 * NotificationResponse (B)
 *   Byte1('A')  Int32 length
 *   Int32       process id of the backend that has notified
 *   String      name of the channel
 *   String      payload; empty where there is none
 */
export interface Notification {
  readonly processId: number;
  readonly channel: Buffer;
  readonly payload: Buffer;
}

/** @throws GatehouseError PROTOCOL_VIOLATION */
export function decodeNotification(body: Buffer): Notification {
  const reader = new ByteReader(body);
  const processId = reader.int32();
  const channel = reader.cstringBytes();
  const payload = reader.cstringBytes();
  reader.end();
  return { processId, channel, payload };
}

export function encodeNotification({ processId, channel, payload }: Notification): Buffer {
  const writer = new ByteWriter().int32(processId);
  for (const text of [channel, payload]) writer.bytes(text).uint8(0);
  return frame("A", writer.toBuffer());
}
