import type { Mask, ValueMasks } from "@gatehouse/core";
import { type Field, Fields } from "../codec/fields.ts";
import type { ResponseHead } from "../codec/response-head.ts";
import type { Redactor } from "../credentials/redaction.ts";
import { fieldOf } from "../encode.ts";
import { isInUtf8, type MediaType, readMediaType } from "../facts/media-type.ts";
import { type AnswerForm, answerForm } from "./answer-form.ts";
import { fromCharset, isUtf8Label } from "./charset.ts";
import { maskedFields, maskedValue, ofChangedBody, ofMaskedBody } from "./masked-fields.ts";
import { HeldBack } from "./held-back.ts";
import { canOpen, opened } from "./opened.ts";
import { withoutSecrets } from "./redaction-stream.ts";
import { Media } from "./media.ts";
import type { Restore } from "./restore.ts";
import type { Sink } from "./sink.ts";
import { TextMask } from "./text-mask.ts";

/** What becomes of an answer to one request. */
export interface AnswerTerms {
  /** Those of the decision; the ones that are about requests, or about columns, hide nothing here. */
  readonly masks: readonly Mask[];
  readonly values: ValueMasks;
  /** Of the credential that the request had. */
  readonly redactor: Redactor;
  readonly steps: AnswerSteps;
  /** Puts back what was taken out of the request, where something was: the steps do so for events, all others for themselves. */
  readonly restore?: Restore | undefined;
  /** Looks at what the target has written, beside the way. @param form undefined where it is not said */
  readonly watched?: (form: AnswerForm | undefined, next: Sink) => Sink;
}

/** How JSON texts follow each other. */
export type JsonTexts = "one" | "lines" | "sequence";

const JSON_TEXTS: ReadonlyMap<AnswerForm, JsonTexts> = new Map([
  ["json", "one"],
  ["json-lines", "lines"],
  ["json-sequence", "sequence"],
]);

/** The steps that know a form of their own. */
export interface AnswerSteps {
  json(masks: readonly Mask[], texts: JsonTexts, next: Sink): Sink;
  events(masks: readonly Mask[], next: Sink): Sink;
}

export type AnswerMask =
  | {
      readonly ok: true;
      /** Takes the content as the target frames it. */
      readonly sink: Sink;
      readonly reason: string;
      readonly fields: Fields;
      /** What of the fields behind the body may be seen. */
      readonly trailers: (trailers: Fields) => Fields;
      /** Whether the body is not, or may not be, as long as was said. */
      readonly changed: boolean;
    }
  /** Nothing of it may be sent. In words for the client. */
  | { readonly ok: false; readonly message: string };

/** The masks that are about answers of HTTP. */
export function answerMasks(masks: readonly Mask[]): readonly Mask[] {
  return masks.filter((mask) => !mask.requests && (mask.detect.length > 0 || hasFields(mask)));
}

/**
 * How an answer is masked, and looked through for the gateway's credential. What can't be looked into is not sent where something could be in it.
 * @param head as it came
 * @param next takes the content as the client may see it
 */
export function answerMask(head: ResponseHead, terms: AnswerTerms, next: Sink): AnswerMask {
  const masks = answerMasks(terms.masks);
  if (masks.length === 0) return lookedThrough(head, terms, next);
  const mask = terms.values.detectors(masks.filter(({ detect }) => detect.length > 0));
  const { reason, fields } = head;
  const { redactor } = terms;
  const shown = (all: Fields) => maskedFields(ofMaskedBody(redacted(all, redactor)), mask);
  const said = {
    reason: maskedValue(redactor.redact(reason), mask) ?? "",
    ...{ fields: shown(fields), trailers: shown },
  };
  // What a HEAD says of a length is about what nobody will see.
  if (!hasBody(head)) return { ok: true, sink: next, ...said, changed: true };
  if (isPart(head)) return refused("it is a part of something");
  const coded = fields.list("content-encoding");
  if (!canOpen(coded)) return refused("it is in a content coding that is not known here");
  const type = typeOf(fields);
  if (type === undefined) return refused("it does not say what it is");
  const step = stepFor(type, masks, { head, terms }, next);
  if (!step.ok) return step;
  return {
    ok: true,
    // The credential is looked for in what the target has written.
    sink: opened(coded, watched(terms, type, withoutSecrets(terms.redactor.forms, step.sink))),
    ...said,
    fields: step.type === undefined ? said.fields : withType(said.fields, step.type),
    changed: !step.isUnchanged || isCoded(coded),
  };
}

/** What of a head before the answer's own may be seen. */
export function interimMask(head: ResponseHead, { masks, values, redactor }: AnswerTerms): ResponseHead {
  const looking = answerMasks(masks).filter(({ detect }) => detect.length > 0);
  if (looking.length === 0) return head;
  const mask = values.detectors(looking);
  return {
    ...head,
    reason: maskedValue(redactor.redact(head.reason), mask) ?? "",
    fields: maskedFields(redacted(head.fields, redactor), mask),
  };
}

/** Before it is masked: of a credential of which a detector has hidden a part, the rest would not be known. */
function redacted(fields: Fields, redactor: Redactor): readonly Field[] {
  return [...fields].map((field) => {
    const value = redactor.redact(field.value);
    return value === field.value ? field : fieldOf(field.name, value);
  });
}

interface Step {
  readonly ok: true;
  readonly sink: Sink;
  /** It goes on byte for byte, or not at all. */
  readonly isUnchanged?: boolean;
  /** What it is on its way to the client, where that is not what was said. */
  readonly type?: string;
}

function stepFor(
  type: MediaType,
  masks: readonly Mask[],
  { head, terms }: { readonly head: ResponseHead; readonly terms: AnswerTerms },
  next: Sink,
): Step | { readonly ok: false; readonly message: string } {
  const { steps, values } = terms;
  const form = answerForm(type);
  const texts = form === "events" ? undefined : JSON_TEXTS.get(form);
  if (form === "events" || texts !== undefined) {
    if (!isInUtf8(type)) return refused("it is in a charset that is not UTF-8");
    const json = texts && steps.json(masks, texts, restored(terms, next));
    return { ok: true, sink: json ?? steps.events(masks, next) };
  }
  if (form === "opaque") return refused("it is of a type that is not looked into");
  // A part of it is to be hidden wherever it is, and in this one nobody can tell.
  if (masks.some(hasFields)) return refused("it is no JSON, of which a rule hides parts");
  if (form === "media") return { ok: true, sink: new Media(next), isUnchanged: true };
  const keep = head.framing.kind === "length" ? "lines" : "beginnings";
  const charset = type.parameters.get("charset") ?? "utf-8";
  const after = isPlainText(type) ? terms.restore?.stream() : undefined;
  const text = new TextMask({ values, masks, keep, after }, next);
  if (isUtf8Label(charset)) return { ok: true, sink: text };
  // As it was sent, the credential may not have been seen in it.
  const sink = fromCharset(charset, withoutSecrets(terms.redactor.forms, text));
  if (sink === undefined) return refused("it is in a charset that is not known here");
  return { ok: true, sink, type: `${type.type}; charset=utf-8` };
}

/** For the credential alone, and for what is put back. */
function lookedThrough(head: ResponseHead, terms: AnswerTerms, next: Sink): AnswerMask {
  const { reason, fields } = head;
  const { forms } = terms.redactor;
  const coded = fields.list("content-encoding");
  const shown = hasBody(head) && !isPart(head) && canOpen(coded) ? restoringStep(head, terms, next) : next;
  const isLooked = (forms.length > 0 && hasBody(head)) || shown !== next;
  // What is in a coding that nobody opens, nobody can read.
  const type = isCoded(coded) && !isLooked ? undefined : typeOf(fields);
  const looked = watched(terms, type, withoutSecrets(forms, shown));
  if (shown === next && (!isLooked || !isCoded(coded))) {
    return { ok: true, sink: looked, reason, fields, trailers: (all) => all, changed: false };
  }
  // It was asked for without one.
  if (!canOpen(coded)) return refused("it is in a content coding that is not known here");
  if (isPart(head)) return refused("it is a part of something in a content coding");
  return {
    ...{ ok: true, sink: opened(coded, looked), reason, fields: ofChangedBody(fields) },
    ...{ trailers: ofChangedBody, changed: true },
  };
}

/** What can't be looked into goes on as it is: nothing is lost by a placeholder that stays. */
function restoringStep({ fields }: ResponseHead, terms: AnswerTerms, next: Sink): Sink {
  const type = terms.restore && typeOf(fields);
  if (type === undefined || !isUtf8Label(type.parameters.get("charset") ?? "utf-8")) return next;
  const form = answerForm(type);
  if (form === "events") return terms.steps.events([], next);
  return JSON_TEXTS.has(form) || isPlainText(type) ? restored(terms, next) : next;
}

function restored({ restore }: AnswerTerms, next: Sink): Sink {
  return restore === undefined ? next : new HeldBack(restore.stream(), next);
}

/** In which each value stands as it is: in HTML or a script, it could be something else. */
function isPlainText({ type }: MediaType): boolean {
  return type === "text/plain" || type === "text/markdown";
}

function watched({ watched: by }: AnswerTerms, type: MediaType | undefined, next: Sink): Sink {
  return by === undefined ? next : by(type && answerForm(type), next);
}

function refused(why: string): { readonly ok: false; readonly message: string } {
  return { ok: false, message: `The target's answer can't be looked into: ${why}. It was not sent on.` };
}

function hasBody({ framing }: ResponseHead): boolean {
  return framing.kind !== "none" && !(framing.kind === "length" && framing.length === 0);
}

function isCoded(coded: readonly string[]): boolean {
  return coded.some((coding) => coding !== "identity");
}

/** What is hidden in the whole may be cut in two between two parts, of which each shows nothing (RFC 9110, section 14). */
function isPart({ status, fields }: ResponseHead): boolean {
  return (
    status === 206 || fields.list("content-type").some((type) => type.startsWith("multipart/byteranges"))
  );
}

function hasFields({ fields }: Mask): boolean {
  return fields !== undefined && fields.length > 0;
}

function typeOf(fields: Fields): MediaType | undefined {
  const [value, ...more] = fields.all("content-type");
  // The first says to one what the second says to another.
  return value === undefined || more.length > 0 ? undefined : readMediaType(value);
}

function withType(fields: Fields, type: string): Fields {
  return new Fields(
    [...fields].map((field) => (field.lower === "content-type" ? fieldOf(field.name, type) : field)),
  );
}
