import { ByteWriter } from "@gatehouse/wire";
import { frame } from "../src/codec/framing.ts";

/** One message of a client's, in a form that a person can read and a file can keep. */
export type Step =
  | readonly ["query", text: string]
  | readonly ["parse", name: string, text: string]
  | readonly ["bind", portal: string, statement: string, ...values: (string | null)[]]
  | readonly ["describe" | "close", object: "S" | "P", name: string]
  | readonly ["execute", portal: string, rows: number]
  | readonly ["flush" | "sync" | "copy-done" | "terminate"]
  | readonly ["call", objectId: number, ...values: (string | null)[]]
  | readonly ["copy-data" | "copy-fail", text: string]
  /** Bytes in hexadecimal that need not be a message. */
  | readonly ["raw", bytes: string]
  /** Waits until ReadyForQuery has come so often, counted from the conversation's beginning. */
  | readonly ["read", times: number]
  /** Lets what was sent before be read by itself, now and then: nothing may come to depend on that. */
  | readonly ["pause"];

/** The step's bytes, as they go on the wire. */
export function encode(step: Step): Buffer {
  const body = new ByteWriter();
  switch (step[0]) {
    case "query":
      return frame("Q", body.cstring(step[1]).toBuffer());
    case "parse":
      return frame("P", body.cstring(step[1]).cstring(step[2]).int16(0).toBuffer());
    case "bind": {
      const [, portal, statement, ...values] = step;
      return frame("B", parameters(body.cstring(portal).cstring(statement), values).int16(0).toBuffer());
    }
    case "describe":
    case "close":
      return frame(step[0] === "close" ? "C" : "D", Buffer.from(`${step[1]}${step[2]}\0`));
    case "execute":
      return frame("E", body.cstring(step[1]).int32(step[2]).toBuffer());
    case "flush":
      return frame("H");
    case "sync":
      return frame("S");
    case "terminate":
      return frame("X");
    case "copy-done":
      return frame("c");
    case "copy-data":
      return frame("d", Buffer.from(step[1]));
    case "copy-fail":
      return frame("f", body.cstring(step[1]).toBuffer());
    case "call": {
      const [, objectId, ...values] = step;
      return frame("F", parameters(body.uint32(objectId), values).int16(0).toBuffer());
    }
    case "raw":
      return Buffer.from(step[1], "hex");
    case "read":
    case "pause":
      return Buffer.alloc(0);
  }
}

const KINDS: ReadonlySet<unknown> = new Set<Step[0]>([
  "query",
  "parse",
  "bind",
  "describe",
  "close",
  "execute",
  "flush",
  "sync",
  "copy-data",
  "copy-done",
  "copy-fail",
  "call",
  "terminate",
  "raw",
  "read",
  "pause",
]);

/** Whether a value from a file is a step; of what is in it, only that it is texts, numbers and NULLs. */
export function isStep(value: unknown): value is Step {
  return (
    Array.isArray(value) &&
    KINDS.has(value[0]) &&
    value.every((part) => part === null || typeof part === "string" || typeof part === "number")
  );
}

/** Formats (none: all are text) and values, as Bind and FunctionCall have them. */
function parameters(body: ByteWriter, values: readonly (string | null)[]): ByteWriter {
  body.int16(0).int16(values.length);
  for (const value of values) {
    const bytes = value === null ? undefined : Buffer.from(value);
    body.int32(bytes?.length ?? -1);
    if (bytes) body.bytes(bytes);
  }
  return body;
}
