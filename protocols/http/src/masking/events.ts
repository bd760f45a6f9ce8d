import { isUtf8 } from "node:buffer";
import { ChunkQueue } from "@gatehouse/wire";
import { Malformed } from "../codec/malformed.ts";

/** Bytes of one event. */
const LARGEST = 1024 * 1024;

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const LINE_ENDS = /\r\n|\r|\n/;
const BYTE_ORDER_MARK = "\ufeff";

/** An event of a text/event-stream, or what stands between two. */
export interface StreamEvent {
  /** As it came, with the blank line that ends it. */
  readonly bytes: Buffer;
  /** Its lines, without their ends and without the blank one. */
  readonly lines: readonly string[];
  /** Its last `event`: empty where it has none. */
  readonly type: string;
  /** What its `data` lines say together; undefined where it has none, and nobody is told of it. */
  readonly data: string | undefined;
  /** Comments, or a blank line, and nothing else: it has no place in the order of events. */
  readonly isAside: boolean;
  /** Its end did not come. */
  readonly isCut: boolean;
}

/**
 * Reads text/event-stream (HTML, section 9.2), cut anywhere. Its line ends are LF, CR and CR LF. An event is whole before it is told of; a comment in front
 * of one is told of as soon as its line is over, since it may keep the connection alive.
 */
export class EventReader {
  readonly #waiting = new ChunkQueue();
  /** Bytes of the line that has not ended, and the first of them. */
  #lineLength = 0;
  #firstByte = 0;
  /** The line before ended with CR: LF is the rest of its end. */
  #behindCr = false;
  /** Lines have ended that wait for their blank one. */
  #hasLines = false;
  /** Nothing was told of: a byte order mark may stand there. */
  #atStart = true;

  /** @throws Malformed where an event is too large, or is not UTF-8 */
  push(bytes: Buffer): readonly StreamEvent[] {
    const events: StreamEvent[] = [];
    /** Up to where the bytes belong to something. */
    let taken = 0;
    const take = (end: number) => {
      this.#waiting.push(bytes.subarray(taken, end));
      taken = end;
      events.push(this.#takeAll(false));
    };
    for (let at = 0; at < bytes.length; ) {
      if (this.#behindCr) {
        this.#behindCr = false;
        if (bytes[at] === LF) {
          at++;
          // Of an event that has gone: nothing waits that it could end a line of.
          if (!this.#hasLines && this.#lineLength === 0) take(at);
          continue;
        }
      }
      const end = lineEnd(bytes, at);
      if (this.#lineLength === 0 && end > at) this.#firstByte = bytes[at] ?? 0;
      this.#lineLength += end - at;
      if (end === bytes.length) break;
      at = end + 1;
      // CR LF that came together are looked at together.
      if (bytes[end] === CR && bytes[at] === LF) at++;
      else this.#behindCr = bytes[end] === CR;
      const isBlank = this.#lineLength === 0;
      const isComment = this.#firstByte === COLON && !this.#hasLines;
      this.#lineLength = 0;
      if (isBlank || isComment) {
        this.#hasLines = false;
        take(at);
      } else this.#hasLines = true;
    }
    this.#waiting.push(bytes.subarray(taken));
    if (this.#waiting.length > LARGEST) throw tooLarge();
    return events;
  }

  /**
   * The stream has ended.
   * @returns an event whose end did not come: those who keep to the specification never tell of it, others do
   * @throws Malformed
   */
  end(): StreamEvent | undefined {
    return this.#waiting.length > 0 ? this.#takeAll(true) : undefined;
  }

  #takeAll(isCut: boolean): StreamEvent {
    const bytes = this.#waiting.takeAll();
    if (bytes.length > LARGEST) throw tooLarge();
    if (!isUtf8(bytes)) throw new Malformed("an event is not UTF-8");
    const text = bytes.toString("utf8");
    const hasMark = this.#atStart && text.startsWith(BYTE_ORDER_MARK);
    this.#atStart = false;
    return { bytes, isCut, ...readLines(hasMark ? text.slice(1) : text) };
  }
}

function readLines(text: string): Omit<StreamEvent, "bytes" | "isCut"> {
  const lines = text.split(LINE_ENDS).filter((line) => line !== "");
  let type = "";
  let data: string | undefined;
  for (const line of lines) {
    const { name, value } = readField(line);
    if (name === "event") type = value;
    else if (name === "data") data = data === undefined ? value : `${data}\n${value}`;
  }
  return { lines, type, data, isAside: lines.every((line) => line.startsWith(":")) };
}

/** @param line without its end; a comment has no name */
export function readField(line: string): { readonly name: string; readonly value: string } {
  const colon = line.indexOf(":");
  if (colon === -1) return { name: line, value: "" };
  const from = line[colon + 1] === " " ? colon + 2 : colon + 1;
  return { name: line.slice(0, colon), value: line.slice(from) };
}

/**
 * An event with other data, and its other lines as they become.
 * @param line what stands in place of a line that is none of data's; undefined for nothing
 */
export function writeEvent(
  event: StreamEvent,
  data: string | undefined,
  line: (written: string) => string | undefined,
): Buffer {
  const written: string[] = [];
  let hasData = false;
  for (const one of event.lines) {
    if (readField(one).name !== "data") {
      const other = line(one);
      // What stands for a value may be of several lines: it must not begin another field.
      if (other !== undefined) written.push(other.replace(/[\r\n]+/g, " "));
    } else if (!hasData && data !== undefined) {
      hasData = true;
      for (const part of data.split(LINE_ENDS)) written.push(`data: ${part}`);
    }
  }
  if (!event.isCut && !event.isAside) written.push("");
  return Buffer.from(written.map((one) => `${one}\n`).join(""), "utf8");
}

/** The next CR or LF; where the bytes end, where there is none. */
function lineEnd(bytes: Buffer, from: number): number {
  const lf = bytes.indexOf(LF, from);
  const end = lf === -1 ? bytes.length : lf;
  const cr = bytes.subarray(from, end).indexOf(CR);
  return cr === -1 ? end : from + cr;
}

function tooLarge(): Malformed {
  return new Malformed("an event is too large");
}
