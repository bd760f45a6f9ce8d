import { randomUUID } from "node:crypto";
import { GatehouseError } from "@gatehouse/core";
import type { Reading } from "./analysis/analysis.ts";
import { type Decode, decoderOf } from "./analysis/encodings.ts";
import { MAX_SCHEMAS, schemasIn } from "./analysis/search-path.ts";
import { encodeBind } from "./codec/bind.ts";
import { encodeNamedObject } from "./codec/describe.ts";
import { encodeExecute } from "./codec/execute.ts";
import type { ParameterStatus } from "./codec/parameter-status.ts";
import { encodeParse } from "./codec/parse.ts";

/** By these the server looks names up. What `$user` is in the first, the second says, which no server reports. */
export const PATH_SETTINGS = ["search_path", "role"] as const;
/** By these the server reads texts and looks names up. */
export const READING_SETTINGS = [
  ...PATH_SETTINGS,
  "session_authorization",
  "standard_conforming_strings",
  "client_encoding",
] as const;

/** Those of them that a server may report by itself. */
const REPORTED: ReadonlySet<string> = new Set(READING_SETTINGS);

/**
 * How one session's server reads texts at the moment. The server reports the encoding and how it reads strings by
 * itself, and from version 18 on the search path too; an older one has to be asked.
 */
export class SessionReading {
  #sessionUser: string;
  #role = "none";
  #path: readonly string[] = [];
  #current: Reading = { path: [], backslashes: false, touched: true, usesUser: true };
  #known = false;
  #touched = false;
  #actsAs = "";
  #encoding = "";
  #serverEncoding = "";
  #decode: Decode | undefined;
  /** Something was noted that the server has not reported by itself. */
  #asked = false;
  /** What the server has reported last of each setting: how things stand at each ReadyForQuery. */
  readonly #reported = new Map<string, string>();

  /** @param user as whom the session begins */
  constructor(user: string) {
    this.#sessionUser = user;
  }

  /** The path names whoever the session acts as, and that is not reported. */
  get usesUser(): boolean {
    return this.#path.includes("$user");
  }

  get current(): Reading {
    return this.#current;
  }

  /** Where names are looked for is known. */
  get known(): boolean {
    return this.#known;
  }

  /**
   * Whether the server may cut a long name that is not ASCII elsewhere than the gateway does: its database is in another
   * encoding, in which the name has other bytes.
   */
  get cutsElsewhere(): boolean {
    return this.#serverEncoding !== "UTF8";
  }

  /** As PostgreSQL names it. */
  get encoding(): string {
    return this.#encoding;
  }

  /**
   * All that decides on what a text means in this session, as one text. Two sessions that have the same read alike; one
   * that has made itself somebody else reads like no other, and after each time like itself alone.
   */
  get key(): string {
    const { path, backslashes } = this.#current;
    return JSON.stringify([path, backslashes, this.#encoding, this.#actsAs]);
  }

  /** Something may have made the session act as another user, which not every server tells. */
  mayActAsAnother(): void {
    this.#actsAs = randomUUID();
  }

  /** The server tells by itself when the search path has changed. */
  get reportsPath(): boolean {
    return this.#reported.has("search_path");
  }

  /** Settings may have been changed in the transaction that is open: its end may take that back. */
  get touched(): boolean {
    return this.#touched;
  }

  set touched(touched: boolean) {
    if (touched === this.#touched) return;
    this.#touched = touched;
    this.#become({});
  }

  /** Bytes -> the text, or undefined where they are none in the session's encoding. */
  get decode(): Decode {
    return this.#decode ?? undecodable;
  }

  /**
   * Takes note of a setting that the server has reported, or has been asked for.
   * @throws GatehouseError PROTOCOL_VIOLATION when the gateway can't read what the session says from here on
   */
  note({ name, value }: ParameterStatus, reported: boolean): void {
    this.#asked ||= !reported;
    if (reported && REPORTED.has(name)) this.#reported.set(name, value);
    switch (name) {
      case "search_path":
        this.#path = schemasIn(value);
        if (this.#path.length > MAX_SCHEMAS) {
          throw new GatehouseError(
            "PROTOCOL_VIOLATION",
            `search_path lists more than the ${MAX_SCHEMAS} schemas that the gateway follows.`,
          );
        }
        this.#known = true;
        this.#become({});
        return;
      case "role":
        this.#role = value;
        this.#become({});
        return;
      case "session_authorization":
        this.#sessionUser = value;
        this.#become({});
        return;
      case "standard_conforming_strings":
        this.#become({ backslashes: value !== "on" });
        return;
      case "server_encoding":
        this.#serverEncoding = value;
        return;
      case "client_encoding": {
        const decode = decoderOf(value);
        if (decode === undefined) {
          throw new GatehouseError("PROTOCOL_VIOLATION", `The gateway can't read texts in ${value}.`);
        }
        this.#encoding = value;
        this.#decode = decode;
        return;
      }
      default:
        return;
    }
  }

  /** At ReadyForQuery: what was asked for before is forgotten, where the server reports it by itself. */
  backToReported(): void {
    if (!this.#asked) return;
    this.#asked = false;
    for (const [name, value] of this.#reported) this.note({ name, value }, true);
  }

  #become(changed: Partial<Reading>): void {
    const user = this.#role === "none" ? this.#sessionUser : this.#role;
    const path = this.#path.map((schema) => (schema === "$user" ? user : schema));
    const { usesUser } = this;
    this.#current = { ...this.#current, ...changed, path, touched: this.#touched, usesUser };
  }
}

/** Before the server has said its encoding, nothing is read. */
function undecodable(): undefined {
  return undefined;
}

/**
 * The messages that ask the server for a setting at any place of the extended protocol, without a Sync. SHOW takes no
 * snapshot, so that a transaction which has not begun to read has still not begun.
 * @param name of a statement and a portal that the client does not have
 */
export function show(setting: string, name: string) {
  return [
    { message: "parse", bytes: encodeParse(name, `SHOW ${setting}`) },
    { message: "bind", bytes: encodeBind(name, name) },
    { message: "execute", bytes: encodeExecute(name) },
    { message: "close", bytes: encodeNamedObject("C", "portal", name) },
    { message: "close", bytes: encodeNamedObject("C", "statement", name) },
  ] as const;
}
