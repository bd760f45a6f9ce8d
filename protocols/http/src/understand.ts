import type { Target, Understanding } from "@gatehouse/core";
import { type Field, Fields } from "./codec/fields.ts";
import { Malformed } from "./codec/malformed.ts";
import { HttpCommand } from "./commands.ts";
import { fieldOf } from "./encode.ts";
import type { Request } from "./facts/request-facts.ts";
import { readTarget } from "./path.ts";
import { settingsOf, termsOf } from "./settings.ts";
import { WebSocketMessage } from "./websocket/commands.ts";

/**
 * What a request given as text would be: `GET /orders/7?full=1`, and on the next lines its fields, an empty line, its body. A body that begins like
 * JSON is JSON, where no content type says otherwise. `MESSAGE /chat` is what is sent over a WebSocket that was asked for there, with its text as the
 * body; `BINARY /chat` is one that is no text.
 */
export function understand(text: string, target: Target): Promise<Understanding> {
  return Promise.resolve(understood(text, target));
}

function understood(text: string, target: Target): Understanding {
  const [line = "", ...rest] = text.split(/\r?\n/);
  const [method = "GET", path = "/"] = line.trim().split(/ +/);
  const empty = rest.indexOf("");
  const fields = (empty === -1 ? rest : rest.slice(0, empty)).filter((field) => field !== "").map(fieldIn);
  const body =
    empty === -1
      ? ""
      : rest
          .slice(empty + 1)
          .join("\n")
          .trim();
  const hasType = fields.some(({ lower }) => lower === "content-type");
  const typed =
    /^[[{]/.test(body) && !hasType ? [...fields, fieldOf("Content-Type", "application/json")] : fields;
  const terms = termsOf(settingsOf(target));
  try {
    if (method !== "MESSAGE" && method !== "BINARY") {
      return { ok: true, command: new HttpCommand(requestOf(method, path, typed, body), terms) };
    }
    const opening = { ...terms, command: new HttpCommand(requestOf("GET", path, fields, ""), terms) };
    const bytes = Buffer.from(body, "utf8");
    const message =
      method === "MESSAGE"
        ? ({ kind: "text", bytes } as const)
        : ({ kind: "binary", size: bytes.length } as const);
    return { ok: true, command: new WebSocketMessage(message, opening) };
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return {
      ok: false,
      refusal: { kind: "protocol", message: `This request can't be read for certain: ${error.message}.` },
    };
  }
}

function requestOf(method: string, path: string, typed: readonly Field[], body: string): Request {
  const bytes = Buffer.from(body, "utf8");
  const fields = new Fields(typed);
  const framing =
    bytes.length === 0 ? ({ kind: "none" } as const) : ({ kind: "length", length: bytes.length } as const);
  const head = {
    ...({ method, target: path, authority: undefined, version: "1.1" } as const),
    fields,
    framing,
  };
  return { head, target: readTarget(path), fields, body: bytes };
}

function fieldIn(line: string) {
  const colon = line.indexOf(":");
  return fieldOf(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
}
