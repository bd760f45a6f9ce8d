import { isAscii } from "node:buffer";
import type { Mask, ValueMasks } from "@gatehouse/core";
import { decodeNotification, encodeNotification } from "../codec/notification-response.ts";
import type { TextEncoding } from "./fields.ts";

const NO_PAYLOAD = Buffer.alloc(0);

/**
 * A NotificationResponse as the client may see it. Whoever notifies, be it a trigger, puts any value into the payload, and
 * nobody can say of which column: where columns are masked there is none, and that there was one can't be seen.
 *
 * @param masks all that may hold for the session: what comes unasked was decided by no rule
 * @returns undefined to let it pass as it is
 * @throws GatehouseError PROTOCOL_VIOLATION
 */
export function maskNotification(
  body: Buffer,
  masks: readonly Mask[],
  values: ValueMasks,
  encoding: TextEncoding,
): Buffer | undefined {
  if (masks.length === 0) return undefined;
  const notification = decodeNotification(body);
  const payload = masks.some(({ columns }) => columns.length > 0)
    ? NO_PAYLOAD
    : detected(notification.payload, masks, values, encoding);
  return payload === notification.payload ? undefined : encodeNotification({ ...notification, payload });
}

/** The same bytes where nothing is found in them. */
function detected(
  payload: Buffer,
  masks: readonly Mask[],
  values: ValueMasks,
  encoding: TextEncoding,
): Buffer {
  const text = encoding.decode(payload);
  if (text === undefined) return NO_PAYLOAD;
  const found = values.detectors(masks)(text);
  if (found === text) return payload;
  const bytes = Buffer.from((found ?? "").replaceAll("\0", ""), "utf8");
  return encoding.utf8 || isAscii(bytes) ? bytes : NO_PAYLOAD;
}
