import type { Recorded } from "@gatehouse/core";
import { type Bytes, jsonOf } from "./json.ts";

/**
 * asciicast v2 (docs.asciinema.org/manual/asciicast/v2): a header, then an event a line.
 *
 *     {"version": 2, "width": 80, "height": 24, "timestamp": 1500000000, "title": "...", "env": {"TERM": "xterm"}}
 *     [1.001376, "o", "output"]
 */
export type EventCode = "o" | "i" | "r" | "m";

/** Output or input longer than this is more than one event, so that whoever reads a recording can bound its lines. */
export const MAX_BYTES = 64 * 1024;
/** JSON writes a control character with six. */
export const MAX_LINE = 6 * MAX_BYTES + 1024;
const MAX_TEXT = 4096;
const DEFAULT_SIZE = { width: 80, height: 24 };

export function headerLine(of: Recorded): Bytes {
  const { columns, rows, command, term } = of;
  // A client may say that it has a terminal of no size; players divide by it.
  const size = columns > 0 && rows > 0 ? { width: columns, height: rows } : DEFAULT_SIZE;
  const header = {
    version: 2,
    ...size,
    timestamp: Math.floor(of.startedAt / 1000),
    ...(command === undefined ? {} : { command: command.slice(0, MAX_TEXT) }),
    title: `${of.subject} on ${of.target} as ${of.level}`.slice(0, MAX_TEXT),
    env: term === undefined ? {} : { TERM: term.slice(0, MAX_TEXT) },
  };
  return `${jsonOf(header)}\n`;
}

/**
 * @param at milliseconds since the beginning
 * @param json a JSON string
 */
export function eventLine(at: number, code: EventCode, json: Bytes): Bytes {
  return `[${(at / 1000).toFixed(6)}, "${code}", ${json}]\n`;
}

export function markLine(at: number, label: string): Bytes {
  return eventLine(at, "m", jsonOf(label.slice(0, MAX_TEXT)));
}
