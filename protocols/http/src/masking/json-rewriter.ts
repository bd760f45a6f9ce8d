import { isUtf8 } from "node:buffer";
import { Malformed } from "../codec/malformed.ts";

/** Objects and lists in one another. */
const DEEPEST = 64;
/** Units of one string or number. */
const LONGEST = 1024 * 1024;

const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/** Stands before each text of a sequence (RFC 7464). */
const RECORD_SEPARATOR = 0x1e;
const BLANK = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const LIST = 0x5b;
const BACKSLASH = 0x5c;
const LIST_END = 0x5d;
const OBJECT = 0x7b;
const OBJECT_END = 0x7d;

const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

export type ScalarKind = "string" | "number" | "word";

/** What stands in a value's place: a text, which becomes a string, or null. Undefined leaves it as it is. */
export type Replacement = string | null | undefined;

/** Is asked what becomes of each value. A place is whatever it makes of where a value stands. */
export interface JsonVisitor<Place> {
  readonly root: Place;
  member(of: Place, name: string): Place;
  item(of: Place, index: number): Place;
  /** What stands in the place of a member's name. Where its value stands goes by what the name was. */
  name(name: string): string | undefined;
  /** @param text of a string, what it stands for; of others, as they are written */
  scalar(place: Place, text: string, kind: ScalarKind): Replacement;
  /** An object or a list begins. Where it is replaced, nothing in it is asked for. */
  container(place: Place): Replacement;
}

export interface JsonForm {
  /** What the units of a text are: bytes of its UTF-8, or those that JavaScript has. */
  readonly units: "bytes" | "utf16";
  /** One value; one a line (NDJSON); or a sequence of them (RFC 7464). */
  readonly values: "one" | "lines" | "sequence";
}

/** What may come next. */
type Expected = "value" | "first item" | "first name" | "name" | "colon" | "comma" | "nothing";

interface Frame<Place> {
  readonly place: Place;
  /** Of the next item; -1 in an object. */
  index: number;
}

/**
 * JSON (RFC 8259) that comes in pieces, cut anywhere, with some of its values replaced. All else goes out as it came, unit for unit. What is not
 * JSON to the letter is not let through: a reader that is less strict could find in it what was not seen here.
 */
export class JsonRewriter<Place> {
  readonly #visitor: JsonVisitor<Place>;
  readonly #form: JsonForm;
  readonly #frames: Frame<Place>[] = [];
  #expected: Expected = "value";
  /** Where the value of the member stands whose name came last. */
  #member: Place;
  /** How deep the container lies that is replaced and has not ended; 0 where there is none. */
  #replacing = 0;
  /** The beginning of a string, number or word whose end has not come. */
  #kept = "";
  /** Of the string that is looked at: the unit before was a backslash that counts. */
  #escaping = false;
  #hasEscapes = false;
  /** All of its units together: above 0x7f one of them was. */
  #bits = 0;

  constructor(visitor: JsonVisitor<Place>, form: JsonForm) {
    this.#visitor = visitor;
    this.#form = form;
    this.#member = visitor.root;
  }

  /**
   * @returns what may go out now; the text itself where that is all of it
   * @throws Malformed
   */
  write(text: string): string {
    let out = "";
    /** Where what has not gone out begins. */
    let from = 0;
    let at = 0;
    if (this.#kept !== "") {
      const end = this.#isString() ? this.#stringEnd(text, 0) : bareEnd(text, 0);
      this.#keep(text.slice(0, end ?? text.length));
      if (end === undefined) return "";
      out = this.#endKept();
      from = at = end;
    }
    while (at < text.length) {
      const code = text.charCodeAt(at);
      if (code === BLANK) {
        at++;
      } else if (code === COMMA) {
        this.#comma();
        at++;
      } else if (code === COLON) {
        if (this.#expected !== "colon") throw invalid();
        this.#expected = "value";
        at++;
      } else if (code === OBJECT || code === LIST) {
        const instead = this.#open(code === LIST);
        if (instead !== undefined) out += text.slice(from, at) + instead;
        at++;
      } else if (code === OBJECT_END || code === LIST_END) {
        at++;
        if (this.#close(code === LIST_END)) from = at;
      } else if (
        code === LINE_FEED ||
        code === CARRIAGE_RETURN ||
        code === TAB ||
        code === RECORD_SEPARATOR
      ) {
        this.#between(code);
        at++;
      } else {
        const end = code === QUOTE ? this.#stringStart(text, at) : bareEnd(text, at);
        if (end === undefined) {
          if (this.#replacing === 0) out += text.slice(from, at);
          this.#keep(text.slice(at));
          return out;
        }
        const instead = this.#token(text.slice(at, end));
        if (instead !== undefined) {
          out += text.slice(from, at) + instead;
          from = end;
        }
        at = end;
      }
    }
    if (this.#replacing > 0) return out;
    return from === 0 && out === "" ? text : out + text.slice(from);
  }

  /**
   * @returns the rest
   * @throws Malformed
   */
  end(): string {
    if (this.#kept !== "" && this.#isString()) throw invalid();
    const out = this.#kept === "" ? "" : this.#endKept();
    if (this.#frames.length > 0) throw invalid();
    if (this.#form.values === "one" && this.#expected !== "nothing") throw invalid();
    return out;
  }

  #keep(piece: string): void {
    this.#kept += piece;
    if (this.#kept.length > LONGEST) throw tooLong();
  }

  #isString(): boolean {
    return this.#kept.charCodeAt(0) === QUOTE;
  }

  /** The end of what was kept has come. */
  #endKept(): string {
    const raw = this.#kept;
    this.#kept = "";
    const instead = this.#token(raw);
    if (this.#replacing > 0) return "";
    return instead ?? raw;
  }

  #stringStart(text: string, at: number): number | undefined {
    this.#escaping = false;
    this.#hasEscapes = false;
    this.#bits = 0;
    return this.#stringEnd(text, at + 1);
  }

  /** @returns where it is behind the closing quote; undefined where that has not come */
  #stringEnd(text: string, start: number): number | undefined {
    let escaping = this.#escaping;
    let bits = this.#bits;
    for (let at = start; at < text.length; at++) {
      const code = text.charCodeAt(at);
      bits |= code;
      if (code < BLANK) throw invalid();
      if (escaping) escaping = false;
      else if (code === QUOTE) {
        this.#bits = bits;
        return at + 1;
      } else if (code === BACKSLASH) {
        escaping = true;
        this.#hasEscapes = true;
      }
    }
    this.#bits = bits;
    this.#escaping = escaping;
    return undefined;
  }

  /** @returns what goes out instead; undefined where it stays, or nothing of it goes out */
  #token(raw: string): string | undefined {
    if (raw.length > LONGEST) throw tooLong();
    const isString = raw.charCodeAt(0) === QUOTE;
    const text = isString ? this.#textOf(raw) : raw;
    if (this.#expected === "name" || this.#expected === "first name") {
      if (!isString) throw invalid();
      this.#expected = "colon";
      if (this.#replacing > 0) return undefined;
      const frame = this.#frames.at(-1);
      if (frame) this.#member = this.#visitor.member(frame.place, text);
      const instead = this.#visitor.name(text);
      return instead === undefined ? undefined : this.#written(instead);
    }
    const kind = isString ? "string" : kindOf(raw);
    const place = this.#value();
    this.#expected = this.#behindValue();
    if (place === undefined) return undefined;
    const instead = this.#visitor.scalar(place.at, text, kind);
    return instead === undefined ? undefined : this.#written(instead);
  }

  /** Looked up at a value's beginning: where it stands; undefined in what is replaced. */
  #value(): { readonly at: Place } | undefined {
    if (this.#expected !== "value" && this.#expected !== "first item") throw invalid();
    if (this.#replacing > 0) return undefined;
    const frame = this.#frames.at(-1);
    if (frame === undefined) return { at: this.#visitor.root };
    if (frame.index < 0) return { at: this.#member };
    return { at: this.#visitor.item(frame.place, frame.index++) };
  }

  #behindValue(): Expected {
    if (this.#frames.length > 0) return "comma";
    return this.#form.values === "one" ? "nothing" : "value";
  }

  #open(isList: boolean): string | undefined {
    const place = this.#value();
    if (this.#frames.length >= DEEPEST) throw new Malformed("JSON is nested too deep");
    this.#expected = isList ? "first item" : "first name";
    this.#frames.push({ place: place === undefined ? this.#visitor.root : place.at, index: isList ? 0 : -1 });
    if (place === undefined) return undefined;
    const instead = this.#visitor.container(place.at);
    if (instead === undefined) return undefined;
    this.#replacing = this.#frames.length;
    return this.#written(instead);
  }

  /** @returns whether it was one that is replaced */
  #close(isList: boolean): boolean {
    const empty = this.#expected === (isList ? "first item" : "first name");
    const frame = this.#frames.at(-1);
    if ((this.#expected !== "comma" && !empty) || frame === undefined || frame.index >= 0 !== isList)
      throw invalid();
    const wasReplaced = this.#replacing === this.#frames.length;
    if (wasReplaced) this.#replacing = 0;
    this.#frames.pop();
    this.#expected = this.#behindValue();
    return wasReplaced;
  }

  #comma(): void {
    const frame = this.#frames.at(-1);
    if (this.#expected !== "comma" || frame === undefined) throw invalid();
    this.#expected = frame.index < 0 ? "name" : "value";
  }

  /** What may stand between tokens, beside a blank. */
  #between(code: number): void {
    const { values } = this.#form;
    const inValue = this.#frames.length > 0;
    if (code === RECORD_SEPARATOR && (values !== "sequence" || inValue)) throw invalid();
    // Who reads line by line sees values of their own in it, at other places.
    if (values === "lines" && inValue && (code === LINE_FEED || code === CARRIAGE_RETURN)) throw invalid();
  }

  /** @param raw a string with its quotes, of which the end was just found */
  #textOf(raw: string): string {
    let text = raw;
    if (this.#bits > 0x7f && this.#form.units === "bytes") {
      const bytes = Buffer.from(raw, "latin1");
      if (!isUtf8(bytes)) throw invalid();
      text = bytes.toString("utf8");
    }
    return this.#hasEscapes ? unescaped(text) : text.slice(1, -1);
  }

  #written(value: string | null): string {
    const json = JSON.stringify(value);
    return this.#form.units === "bytes" ? Buffer.from(json).toString("latin1") : json;
  }
}

/** @returns undefined where more of it may come */
function bareEnd(text: string, start: number): number | undefined {
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code <= BLANK || code === COMMA || code === LIST_END || code === OBJECT_END) return at;
    // Nothing else may follow it, and what it is has to be known by itself.
    if (code === QUOTE || code === COLON || code === LIST || code === OBJECT) throw invalid();
  }
  return undefined;
}

function kindOf(raw: string): ScalarKind {
  if (raw === "true" || raw === "false" || raw === "null") return "word";
  if (!NUMBER.test(raw)) throw invalid();
  return "number";
}

/** @param written a string with its quotes */
function unescaped(written: string): string {
  try {
    return String(JSON.parse(written));
  } catch {
    throw invalid();
  }
}

function invalid(): Malformed {
  return new Malformed("what says that it is JSON is none");
}

function tooLong(): Malformed {
  return new Malformed("JSON has a string or a number that is too long");
}
