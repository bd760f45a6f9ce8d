import type { MediaType } from "../facts/media-type.ts";

/** How an answer's body is looked into. */
export type AnswerForm =
  | "json"
  /** A JSON text a line. */
  | "json-lines"
  /** Several JSON texts with a sign before each (RFC 7464). */
  | "json-sequence"
  | "events"
  | "text"
  /** Pictures, sound and the like (`Media`): no text is in them that a detector would find. */
  | "media"
  /** All else: texts may be in it that nobody here finds. */
  | "opaque";

const JSON_TYPE = /^(?:application\/json|text\/json|[^/]+\/[^/]+\+json)$/;
const JSON_LINES = /^application\/(?:(?:x-)?(?:ndjson|jsonl|jsonlines|json-stream)|stream\+json)$/;
const JSON_SEQUENCE = /^application\/(?:[^/]+\+)?json-seq$/;
/** What is written as it is read. A form is not: `@` is `%40` in it. */
const TEXT =
  /^(?:text\/.+|audio\/(?:x-)?mpegurl|[^/]+\/[^/]+\+(?:xml|yaml)|application\/(?:xml|(?:x-)?javascript|ecmascript|(?:x-)?yaml|toml|sql|graphql|x-sh|xml-dtd|csv))$/;
const MEDIA = /^(?:image|audio|video|font)\/.+$/;

export function answerForm({ type }: MediaType): AnswerForm {
  if (type === "text/event-stream") return "events";
  if (JSON_LINES.test(type)) return "json-lines";
  if (JSON_SEQUENCE.test(type)) return "json-sequence";
  if (JSON_TYPE.test(type)) return "json";
  // Among them a picture that is a text: image/svg+xml.
  if (TEXT.test(type)) return "text";
  return MEDIA.test(type) ? "media" : "opaque";
}
