import type pg from "pg";
import type { Attempt, Step } from "./attempts.ts";
import { type Search, valuesIn } from "./search.ts";
import { type Answer, type Mode, Session, type Way } from "./session.ts";
import type { Vault } from "./vault.ts";

/** What came of an attempt. */
export interface Outcome {
  /** The values that it has shown. */
  readonly shown: readonly string[];
  /** The gateway has refused a part of it. */
  readonly refused: boolean;
  /** What the server or the gateway has said, in errors: message and SQLSTATE. */
  readonly errors: readonly string[];
}

/** Whether an attempt can be made in this mode: a parameter needs the extended protocol, and a call has a protocol of its own. */
export function possible(attempt: Attempt, mode: Mode): boolean {
  if (attempt.do.some((step) => "call" in step)) return mode === "simple";
  return mode !== "simple" || !attempt.do.some((step) => "parameters" in step);
}

/** Makes an attempt once, in a session of its own, with what has to stand around it. */
export async function make(
  attempt: Attempt,
  mode: Mode,
  parts: { readonly vault: Vault; readonly way: Way; readonly search: Search },
): Promise<Outcome> {
  const { vault, way, search } = parts;
  const inFolder = (text: string) => text.replaceAll("{folder}", vault.folder);
  for (const text of attempt.before) await vault.beside.query(inFolder(text));
  const session = await Session.open(way);
  try {
    for (const step of attempt.do) {
      if ("beside" in step) await vault.beside.query(inFolder(step.beside));
      else await session.ask(await sent(step, inFolder, vault.beside), mode);
    }
    return outcome(attempt, session, search);
  } finally {
    await session.close();
    for (const text of attempt.after) await vault.beside.query(text);
  }
}

/** A step that the client takes. */
type Asked = Exclude<Attempt["do"][number], { readonly beside: string }>;

async function sent(step: Asked, inFolder: (text: string) => string, client: pg.Client): Promise<Step> {
  if (!("call" in step)) return { ...step, sql: inFolder(step.sql) };
  const { rows } = await client.query<{ oid: number }>("select $1::regprocedure::oid as oid", [step.call]);
  return { call: rows[0]?.oid ?? 0, parameters: step.parameters };
}

function outcome(attempt: Attempt, session: Session, search: Search): Outcome {
  const { received, answers } = session;
  const shown = new Set(search.in(received, answers));
  const text = received.toString("latin1");
  for (const value of attempt.shows) if (text.includes(value)) shown.add(value);
  const values = new Set(answers.flatMap(valuesIn).map((value) => value.toString("latin1")));
  for (const value of attempt.gives) {
    if ([value, ...binary(value)].some((form) => values.has(form))) shown.add(value);
  }
  const errors = answers.filter(({ letter }) => letter === "E").map(fieldsOf);
  return {
    shown: [...shown],
    refused: errors.some((fields) => fields.get("D")?.startsWith("Reference: ") === true),
    errors: errors.map((fields) => `${fields.get("C") ?? ""} ${fields.get("M") ?? ""}`),
  };
}

/** The binary formats of a small value: of a boolean, and of whole numbers. */
function binary(value: string): string[] {
  if (value === "t" || value === "f") return [value === "t" ? "\x01" : "\0"];
  if (!/^\d+$/.test(value)) return [];
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(value));
  return [bytes.toString("latin1"), bytes.toString("latin1", 4)];
}

/** PostgreSQL documentation, "Error and Notice Message Fields". */
function fieldsOf({ body }: Answer): ReadonlyMap<string, string> {
  const fields = body.toString("utf8").split("\0").filter(Boolean);
  return new Map(fields.map((field) => [field.slice(0, 1), field.slice(1)]));
}
