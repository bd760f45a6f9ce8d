import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isStep, type Step } from "./steps.ts";

/** A conversation that once told the gateway from the server. */
export interface KeptSession {
  readonly name: string;
  readonly about: string;
  readonly steps: readonly Step[];
}

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
