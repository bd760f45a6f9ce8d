import { readBody } from "../../src/facts/body.ts";
import type { Request } from "../../src/facts/request-facts.ts";
import { findHead } from "../../src/codec/head.ts";
import { parseRequestHead } from "../../src/codec/request-head.ts";
import type { ApiDecoder, ApiReading } from "../../src/api/decoder.ts";
import { readTarget } from "../../src/path.ts";

/** What a decoder makes of a request. @param line `POST /v1/messages` */
export function decoded(api: ApiDecoder, line: string, body?: unknown): ApiReading | undefined {
  const bytes = Buffer.from(body === undefined ? "" : JSON.stringify(body));
  const lines = [
    `${line} HTTP/1.1`,
    "Host: gateway",
    ...(bytes.length > 0 ? ["Content-Type: application/json", `Content-Length: ${bytes.length}`] : []),
  ];
  const found = findHead(Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), 0, 65_536);
  if (found === undefined) throw new Error("the head has no end");
  const head = parseRequestHead(found);
  const request: Request = { head, target: readTarget(head.target), fields: head.fields, body: bytes };
  return api.decode(request, readBody(head.fields, bytes));
}
