import { ByteReader, ByteWriter } from "@gatehouse/wire";
import { frame } from "./framing.ts";

/*
 * ErrorResponse (B), NoticeResponse (B)
 *   Byte1('E' or 'N')  Int32 length
 *   and for each field
 *     Byte1            its kind ("Error and Notice Message Fields"): S severity, V severity not translated,
 *                      C SQLSTATE, M message, D detail, H hint, P position, ...
 *     String           its value
 *   Byte1(0)
 */
export type ErrorFields = ReadonlyMap<string, string>;

export interface ErrorReport {
  readonly severity: "ERROR" | "FATAL";
  readonly sqlstate: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
  /** In characters, from 1. */
  readonly position?: number;
}

/**
 * The fields, by the letter of their kind. Texts are read leniently: a server may speak in another
 * encoding before the session has one.
 * @throws GatehouseError PROTOCOL_VIOLATION
 */
export function decodeErrorResponse(body: Buffer): ErrorFields {
  const reader = new ByteReader(body);
  const fields = new Map<string, string>();
  for (let kind = reader.uint8(); kind !== 0; kind = reader.uint8()) {
    fields.set(String.fromCharCode(kind), reader.cstringBytes().toString("utf8"));
  }
  reader.end();
  return fields;
}

export function encodeErrorResponse(report: ErrorReport): Buffer {
  return encodeReport("E", report);
}

/** A NoticeResponse (SQLSTATE 00000): said beside the answers, and no answer. */
export function encodeNoticeResponse(notice: Pick<ErrorReport, "message" | "detail" | "hint">): Buffer {
  return encodeReport("N", { severity: "NOTICE", sqlstate: "00000", ...notice });
}

function encodeReport(
  letter: "E" | "N",
  report: Omit<ErrorReport, "severity"> & { readonly severity: string },
): Buffer {
  const writer = new ByteWriter();
  const field = (kind: string, value: string | undefined) => {
    if (value !== undefined) writer.uint8(kind.charCodeAt(0)).cstring(value);
  };
  field("S", report.severity);
  field("V", report.severity);
  field("C", report.sqlstate);
  field("M", report.message);
  field("D", report.detail);
  field("H", report.hint);
  field("P", report.position === undefined ? undefined : String(report.position));
  return frame(letter, writer.uint8(0).toBuffer());
}
