import { isUtf8 } from "node:buffer";
import type { Fields } from "../codec/fields.ts";
import type { Body } from "../facts/body.ts";
import { isInUtf8, readMediaType } from "../facts/media-type.ts";

/** How masks are put on a request's body. */
export type RequestForm = "none" | "json" | "form" | "text";

/**
 * @param bytes undefined where it was not read to its end
 * @param read what it was understood to be
 * @returns undefined where nobody can tell what is in it
 */
export function requestForm(
  fields: Fields,
  bytes: Buffer | undefined,
  read: Body["kind"],
): RequestForm | undefined {
  if (read === "none" || read === "json" || read === "form") return read;
  if (read !== "opaque" || bytes === undefined) return undefined;
  const media = readMediaType(fields.only("content-type") ?? "");
  const coded = fields.list("content-encoding").some((coding) => coding !== "identity");
  if (coded || media === undefined || !isInUtf8(media) || !media.type.startsWith("text/")) return undefined;
  // Servers guess at what has zeros in it.
  if (!isUtf8(bytes) || bytes.includes(0)) return undefined;
  return /^text\/(?:x-)?json$/.test(media.type) ? "json" : "text";
}
