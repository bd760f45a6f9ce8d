import { createReadStream } from "node:fs";
import { GatehouseError } from "@gatehouse/core";
import { MAX_LINE } from "./cast.ts";
import type { RecordedEvent } from "./event.ts";

const NEWLINE = 10;

/**
 * What a recording holds, in order: its header first. It may be one that is being written: what is there at this moment.
 * @throws GatehouseError RECORDING_INVALID where it is no asciicast v2, with the line; what opening and reading throw
 */
export async function* readRecording(file: string): AsyncGenerator<RecordedEvent, void, undefined> {
  let number = 0;
  let rest: Buffer = Buffer.alloc(0);
  const chunks: AsyncIterable<Buffer> = createReadStream(file, { highWaterMark: MAX_LINE });
  for await (const chunk of chunks) {
    const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
      yield eventOf(bytes.subarray(start, end), ++number, file);
      start = end + 1;
    }
    rest = bytes.subarray(start);
    if (rest.length > MAX_LINE) throw invalid(file, number + 1);
  }
  if (rest.length > 0 || number === 0) yield { kind: "torn" };
}

function eventOf(line: Buffer, number: number, file: string): RecordedEvent {
  let value: unknown;
  try {
    value = JSON.parse(line.toString("utf8"));
  } catch {
    throw invalid(file, number);
  }
  const event = number === 1 ? headerOf(value) : Array.isArray(value) ? entryOf(value) : undefined;
  if (event === undefined) throw invalid(file, number);
  return event;
}

function headerOf(value: unknown): RecordedEvent | undefined {
  if (!isObject(value) || value["version"] !== 2) return undefined;
  const { width, height, timestamp, title, command, env } = value;
  if (!isSize(width) || !isSize(height)) return undefined;
  return {
    kind: "header",
    columns: width,
    rows: height,
    startedAt: typeof timestamp === "number" ? timestamp * 1000 : undefined,
    title: textOf(title),
    command: textOf(command),
    term: isObject(env) ? textOf(env["TERM"]) : undefined,
  };
}

function entryOf([seconds, code, data]: readonly unknown[]): RecordedEvent | undefined {
  if (typeof seconds !== "number" || seconds < 0 || typeof data !== "string") return undefined;
  const at = seconds * 1000;
  switch (code) {
    case "o":
      return { kind: "output", at, text: data };
    case "i":
      return { kind: "input", at, text: data };
    case "m":
      return { kind: "mark", at, text: data };
    case "r": {
      const [columns, rows] = data.split("x").map(Number);
      return isSize(columns) && isSize(rows) ? { kind: "resize", at, columns, rows } : undefined;
    }
    default:
      return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSize(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value > 0;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** Nothing of the line is repeated: it may hold what somebody typed. */
function invalid(file: string, line: number): GatehouseError {
  return new GatehouseError("RECORDING_INVALID", `${file} is no recording: its line ${line} can't be read`);
}
