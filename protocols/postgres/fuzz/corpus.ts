import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isStep, type Step } from "./steps.ts";

/** A conversation that once told the gateway from the server. */
export interface KeptSession {
  readonly name: string;
  readonly about: string;
  readonly steps: readonly Step[];
}

/** Bytes that a reader or a decoder once took for something else than they are. */
export interface KeptBytes {
  readonly about: string;
  readonly bytes: Buffer;
}

const BYTES = join(import.meta.dirname, "corpus", "bytes.json");
const SESSIONS = join(import.meta.dirname, "corpus", "sessions");

/** The conversations that are kept, each in a file of its own. */
export function keptSessions(): KeptSession[] {
  return readdirSync(SESSIONS)
    .sort()
    .map((name) => {
      const kept: unknown = JSON.parse(readFileSync(join(SESSIONS, name), "utf8"));
      if (!isKept(kept)) throw new Error(`${name} keeps no conversation.`);
      return { ...kept, name };
    });
}

/** The bytes that are kept: a list in one file, in hexadecimal. */
export function keptBytes(): KeptBytes[] {
  const kept: unknown = JSON.parse(readFileSync(BYTES, "utf8"));
  if (!Array.isArray(kept)) throw new Error("The kept bytes are no list.");
  return kept.map((entry: unknown) => {
    if (!isBytes(entry)) throw new Error("An entry of the kept bytes has no bytes.");
    return { about: entry.about, bytes: Buffer.from(entry.bytes, "hex") };
  });
}

function isBytes(value: unknown): value is { readonly about: string; readonly bytes: string } {
  return (
    typeof value === "object" &&
    value !== null &&
    "about" in value &&
    typeof value.about === "string" &&
    "bytes" in value &&
    typeof value.bytes === "string" &&
    /^([0-9a-f]{2})*$/.test(value.bytes)
  );
}

function isKept(value: unknown): value is Omit<KeptSession, "name"> {
  return (
    typeof value === "object" &&
    value !== null &&
    "about" in value &&
    typeof value.about === "string" &&
    "steps" in value &&
    Array.isArray(value.steps) &&
    value.steps.every(isStep)
  );
}
