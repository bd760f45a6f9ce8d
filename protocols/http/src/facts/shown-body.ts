import { isUtf8 } from "node:buffer";
import type { FactValue } from "@gatehouse/core";
import type { Body } from "./body.ts";
import { hideParameters } from "./parameters.ts";

/**
 * A body as people are shown it, without the values of these names. Where it is not known what it has in it, it may have one of them, and
 * only its size is shown.
 * @param secret names in small letters
 */
export function shownBody(bytes: Buffer, body: Body, secret: ReadonlySet<string>): string {
  const size = `(${bytes.length} bytes)`;
  switch (body.kind) {
    case "none":
      return "";
    case "json":
      return hasAny(body.value, secret) ? JSON.stringify(hidden(body.value, secret)) : bytes.toString("utf8");
    case "form":
      return Buffer.from(hideParameters(bytes.toString("latin1"), secret), "latin1").toString("utf8");
    case "multipart":
      return [...body.parts.map((part) => JSON.stringify(part)), size].join("\n");
    default:
      return secret.size === 0 && isText(bytes) ? bytes.toString("utf8") : size;
  }
}

function isText(bytes: Buffer): boolean {
  return isUtf8(bytes) && !bytes.includes(0);
}

function hasAny(value: FactValue, secret: ReadonlySet<string>): boolean {
  if (secret.size === 0 || typeof value !== "object" || value === null) return false;
  return Object.entries(value).some(
    ([name, member]: [string, FactValue]) => secret.has(name.toLowerCase()) || hasAny(member, secret),
  );
}

function hidden(value: FactValue, secret: ReadonlySet<string>): FactValue {
  if (typeof value !== "object" || value === null) return value;
  if (isList(value)) return value.map((item) => hidden(item, secret));
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      secret.has(name.toLowerCase()) ? "[hidden]" : hidden(member, secret),
    ]),
  );
}

function isList(value: object): value is readonly FactValue[] {
  return Array.isArray(value);
}
