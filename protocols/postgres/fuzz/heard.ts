import { ByteReader } from "@gatehouse/wire";
import { decodeErrorResponse } from "../src/codec/error-response.ts";
import type { Frame } from "../src/codec/framing.ts";

/** A text that fails at the server, in place of one that the gate refuses. */
export const FAILING = "gatehouse_refused";

/** What a client heard: each message in words, and how it ended. */
export interface Heard {
  readonly messages: readonly string[];
  readonly end: "closed" | "hangs" | "in the middle of a message";
}

/**
 * Errors that are another's here, and that nobody's program can tell apart: the server's, then the gateway's.
 *
 * A message that does not keep to its grammar may be wrong in another way too, and the server looks at that first. A
 * simple query that fails in a transaction leaves its unnamed portal behind, which no client can know of; what is not
 * known is not sent to be run, though it can't be.
 */
const ALLOWED: ReadonlySet<string> = new Set([
  "E ERROR 26000, E ERROR 08P01",
  "E ERROR 34000, E ERROR 08P01",
  "E ERROR 42883, E ERROR 08P01",
  "E ERROR 25P02, E ERROR 34000",
  "E ERROR 55000, E ERROR 34000",
]);

/** A message in words: what a client notices, and nothing that differs from run to run. */
export function inWords({ type, body }: Frame): string {
  const letter = String.fromCharCode(type);
  const text = body.toString("latin1");
  switch (letter) {
    case "E": {
      const fields = decodeErrorResponse(body);
      const message = fields.get("M") ?? "";
      // The gate's words, and those of the server about what stands in for them.
      if (message === "No." || message.includes(`"${FAILING}"`)) return "E refused";
      return `E ${fields.get("V") ?? ""} ${fields.get("C") ?? ""}`;
    }
    case "N":
      return `N ${decodeErrorResponse(body).get("C") ?? ""}`;
    case "A":
      // Behind the process id.
      return `A ${text.slice(4)}`;
    case "T":
      return `T ${columns(body)}`;
    default:
      return `${letter} ${text.length > 60 ? `${text.length} bytes` : text}`;
  }
}

/** The columns of a RowDescription, by name, type and format; a temporary table's object id is new each time. */
function columns(body: Buffer): string {
  const reader = new ByteReader(body);
  const list: string[] = [];
  for (let left = reader.uint16(); left > 0; left--) {
    const name = reader.cstring();
    reader.bytes(6);
    const type = reader.uint32();
    reader.bytes(6);
    list.push(`${name}:${type}:${reader.int16()}`);
  }
  return list.join();
}

/** Where the two part, or undefined where they are the same to a client. */
export function difference(server: Heard, gateway: Heard): string | undefined {
  const [wanted, found] = [toldBy(server), toldBy(gateway)];
  const cut = gateway.end === "closed" && failsInCopy(server);
  if (cut) while (/^(E FATAL XX000|closed)$/.test(found.at(-1) ?? "")) found.pop();
  const count = cut ? found.length : Math.max(wanted.length, found.length);
  for (let at = 0; at < count; at++) {
    if (wanted[at] === found[at] || ALLOWED.has(`${wanted[at] ?? ""}, ${found[at] ?? ""}`)) continue;
    const around = (told: readonly string[]) =>
      JSON.stringify(told.slice(Math.max(0, at - 3), at + 3)).slice(1, -1);
    return `at message ${at}\n  server:  ${around(wanted)}\n  gateway: ${around(found)}`;
  }
  return undefined;
}

/**
 * A COPY's data failed at the server. What a client sends behind them, before it has read that, is the COPY's or is not,
 * by how far the server had come: the gateway, which can't know, may end the session.
 */
function failsInCopy({ messages }: Heard): boolean {
  return messages.some((message, index) => {
    const next = messages[index + 1] ?? "";
    return message.startsWith("G ") && next.startsWith("E ") && next !== "E ERROR 57014";
  });
}

/**
 * What was said, up to the end. At a message behind which it does not find the next one, the server says an error and
 * ends the session with another, or ends it without a word (COMMERROR); the gateway says the last one only.
 */
function toldBy({ messages, end }: Heard): string[] {
  const told = [...messages];
  while (end === "closed" && /^E (FATAL|ERROR) 08P01$/.test(told.at(-1) ?? "")) told.pop();
  return [...told, end];
}
