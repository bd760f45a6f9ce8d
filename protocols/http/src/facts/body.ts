import type { FactValue } from "@gatehouse/core";
import type { Fields } from "../codec/fields.ts";
import { readJson } from "./json.ts";
import { isInUtf8, type MediaType, readMediaType } from "./media-type.ts";
import { type FormPart, readMultipart } from "./multipart.ts";
import { type Parameter, readParameters } from "./parameters.ts";

/** Bytes of a body that is looked into, at the most. */
export const LARGEST_BODY = 1024 * 1024;

/** What a request's body was understood to be. */
export type Body =
  | { readonly kind: "none" }
  | { readonly kind: "json"; readonly value: FactValue }
  | { readonly kind: "form"; readonly parameters: readonly Parameter[] }
  | { readonly kind: "multipart"; readonly parts: readonly FormPart[] }
  /** Of a type that is not looked into, compressed, or too large. */
  | { readonly kind: "opaque" }
  /** It is not what it says that it is, or two servers could read it differently. */
  | { readonly kind: "unreadable" };

type Reader = (bytes: Buffer, media: MediaType) => Body | undefined;

/**
 * @param fields of its request
 * @param bytes the whole of it, empty where there is none; undefined where it was not read to its end
 * @throws Malformed where its type is said twice
 */
export function readBody(fields: Fields, bytes: Buffer | undefined): Body {
  if (bytes?.length === 0) return { kind: "none" };
  const said = fields.only("content-type");
  const media = said === undefined ? undefined : readMediaType(said);
  if (said !== undefined && media === undefined) return { kind: "unreadable" };
  const read = media && readerOf(media.type);
  const coded = fields.list("content-encoding").some((coding) => coding !== "identity");
  if (!media || !read || coded || bytes === undefined || bytes.length > LARGEST_BODY)
    return { kind: "opaque" };
  return (isInUtf8(media) ? read(bytes, media) : undefined) ?? { kind: "unreadable" };
}

/** The type that is said, in small letters and without parameters; empty where there is none. */
export function contentType(fields: Fields): string {
  return readMediaType(fields.only("content-type") ?? "")?.type ?? "";
}

/** Whether bodies of a request with these fields are looked into, so that they have to be read before it is decided on. */
export function isLookedInto(fields: Fields): boolean {
  return readerOf(contentType(fields)) !== undefined;
}

function readerOf(type: string): Reader | undefined {
  if (type === "application/json" || /^[^/]+\/[^/]+\+json$/.test(type)) return jsonBody;
  if (type === "application/x-www-form-urlencoded") return formBody;
  return type === "multipart/form-data" ? multipartBody : undefined;
}

function jsonBody(bytes: Buffer): Body | undefined {
  const json = readJson(bytes);
  return json && { kind: "json", value: json.value };
}

function formBody(bytes: Buffer): Body | undefined {
  const text = bytes.toString("latin1");
  // At which some servers cut, and some don't. What is in a body can't be escaped on the way.
  if (text.includes(";")) return undefined;
  const parameters = readParameters(text);
  return parameters && { kind: "form", parameters };
}

function multipartBody(bytes: Buffer, { parameters }: MediaType): Body | undefined {
  const parts = readMultipart(bytes, parameters.get("boundary"));
  return parts && { kind: "multipart", parts };
}
