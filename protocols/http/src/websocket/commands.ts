import { createHash } from "node:crypto";
import type { Access, Command, Facts, FactValue, Mask, MaskingOutcome } from "@gatehouse/core";
import type { ApiDecoder } from "../api/decoder.ts";
import { type HttpCommand, shortened } from "../commands.ts";
import { readJson } from "../facts/json.ts";
import { shownBody } from "../facts/shown-body.ts";
import { answerMasks } from "../masking/answer-mask.ts";

/** What a client sends: a whole text, or the beginning of a binary message. */
export type Message =
  | { readonly kind: "text"; readonly bytes: Buffer }
  /** @property size of the whole message in bytes; -1 where nobody knows yet */
  | { readonly kind: "binary"; readonly size: number };

/** The request that made the WebSocket, and what its target's config says of it. */
export interface Opening {
  readonly command: HttpCommand;
  /** Members of JSON whose values are shown to nobody; names in small letters. */
  readonly secret: ReadonlySet<string>;
  /** Of a target that has one. It reads requests: what a message means to such an API is unknown. */
  readonly api?: ApiDecoder;
}

/**
 * One message of a client. A rule names it by its `http.kind`; what else is known of it is what its WebSocket was asked for by, and what it
 * has in it. What a message does is its application's to say: it writes. Of a binary one nothing is known, and so its access is unknown.
 */
export class WebSocketMessage implements Command {
  readonly protocol = "http";
  readonly kind: "message" | "binary";
  readonly verbs: readonly string[];
  readonly access: Access;
  readonly resources: readonly string[];
  readonly text: string;
  readonly parameters: readonly string[] = [];
  readonly facts: Facts;
  /** Absent of a binary message: what nobody has looked at can't be told from another, and can't wait for its approval. */
  readonly fingerprint?: () => string;

  constructor(message: Message, { command, secret, api }: Opening) {
    const isText = message.kind === "text";
    const json = isText ? readJson(message.bytes) : undefined;
    this.kind = isText ? "message" : "binary";
    this.verbs = [isText ? "MESSAGE" : "BINARY"];
    const isCertain = isText && (json !== undefined || !looksLikeJson(message.bytes));
    this.access = isCertain && api === undefined ? "write" : "unknown";
    this.resources = command.resources;
    this.facts = {
      ...ofOpening(command, api),
      ...{ kind: this.kind, access: this.access, method: "", upgrade: "", contentType: "" },
      size: isText ? message.bytes.length : message.size,
      bodyKnown: json !== undefined,
      ...(isText ? { message: message.bytes.toString("utf8") } : {}),
      ...(json === undefined ? {} : { json: json.value }),
    };
    const path = typeof command.facts["path"] === "string" ? command.facts["path"] : "";
    this.text = shortened([`WebSocket ${path}`, "", textOf(message, json, secret)].join("\n"));
    if (isText) this.fingerprint = () => fingerprintOf(command, message.bytes);
  }

  /** Answers come when they come: from this message on, all that the target says is masked so. */
  mask(masks: readonly Mask[]): MaskingOutcome {
    const asked = masks.find(({ requests }) => requests !== undefined);
    if (asked) {
      return {
        ok: false,
        message: "What is in a message of a WebSocket can't be masked on its way to the target.",
        hint: 'Ask whoever keeps the policies for a rule whose mask leaves it out (`when: http.kind == "request"`).',
        rule: asked.rule,
      };
    }
    const applied = answerMasks(masks).map(({ rule, fields = [], detect }) => ({
      rule,
      hides: [...fields, ...detect],
    }));
    return { ok: true, applied };
  }
}

/**
 * What is said of the request's body, and is there for lack of one, is not the message's; nor is what its API knows of it. A rule that names it
 * fails, to the safe side.
 */
function ofOpening({ facts }: HttpCommand, api: ApiDecoder | undefined): Facts {
  const names = new Set(["form", "parts", "json", "message", ...Object.keys(api?.facts ?? {})]);
  return Object.fromEntries(Object.entries(facts).filter(([name]) => !names.has(name)));
}

/** Some readers take more for JSON than others do: what one of them may read as an object, and another not, is unknown. */
function looksLikeJson(bytes: Buffer): boolean {
  return /^[\s\ufeff]*[[{]/.test(bytes.toString("utf8", 0, 1024));
}

function textOf(
  message: Message,
  json: { readonly value: FactValue } | undefined,
  secret: ReadonlySet<string>,
): string {
  if (message.kind === "binary") return message.size < 0 ? "(binary)" : `(binary, ${message.size} bytes)`;
  return shownBody(message.bytes, json ? { kind: "json", value: json.value } : { kind: "opaque" }, secret);
}

/** The same for the same message in a WebSocket that was asked for in the same way. */
function fingerprintOf(command: HttpCommand, bytes: Buffer): string {
  return createHash("sha256")
    .update(JSON.stringify(["message", command.fingerprint?.() ?? null]))
    .update(bytes)
    .digest("hex");
}
