import type { Mask, MaskText, RuleReference, ValueMasks } from "@gatehouse/core";
import type { Fields } from "../codec/fields.ts";
import { Malformed } from "../codec/malformed.ts";
import type { Body } from "../facts/body.ts";
import { decodeEscapes } from "../facts/escapes.ts";
import { readJson } from "../facts/json.ts";
import { pathText, type RequestTarget } from "../path.ts";
import { JsonMasks } from "./json-masks.ts";
import { rewrittenWhole } from "./json-rewrite.ts";
import { maskedValue } from "./masked-fields.ts";
import { detectorsWith, Placeholders } from "./placeholders.ts";
import { type RequestForm, requestForm } from "./request-form.ts";
import type { Restore } from "./restore.ts";

/** A request as it would be sent. */
export interface MaskableRequest {
  readonly target: RequestTarget;
  readonly fields: Fields;
  /** Undefined where it was not read to its end. */
  readonly body: Buffer | undefined;
  /** What the body was understood to be. */
  readonly read: Body["kind"];
}

export type MaskedRequest =
  | {
      readonly ok: true;
      /** In place of the body; undefined where that stays as it is. */
      readonly body: Buffer | undefined;
      /** Undefined where nothing is to be put back in the answer. */
      readonly restore: Restore | undefined;
    }
  /** Nothing of it may be sent. In words for the client. */
  | {
      readonly ok: false;
      readonly message: string;
      readonly hint: string;
    };

/** The masks that are about requests of HTTP. */
export function requestMasks(masks: readonly Mask[]): readonly Mask[] {
  return masks.filter(
    ({ requests, detect, fields = [] }) => requests !== undefined && detect.length + fields.length > 0,
  );
}

/**
 * Takes out of a request what masks hide. In its body that can be done; what its URL and its headers say, servers act on and log: a value there
 * is refused.
 * @param masks those of the decision
 */
export function maskedRequest(
  request: MaskableRequest,
  masks: readonly Mask[],
  values: ValueMasks,
): MaskedRequest {
  const hiding = requestMasks(masks);
  if (hiding.length === 0) return { ok: true, body: undefined, restore: undefined };
  const outside = foundOutside(request, hiding, values);
  if (outside) return outside;
  const placeholders = new Placeholders();
  try {
    const body = maskedBody(request, new BodyMasks(hiding, values, placeholders));
    return { ok: true, body, restore: placeholders.restore };
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return {
      ok: false,
      message: `What is to be taken out of this request can't be taken out of its body: ${error.message}. Nothing was sent.`,
      hint: `Leave it out, or ask whoever keeps the policies for a rule that leaves this request out: ${hiding.map(({ rule }) => named(rule)).join(", ")}.`,
    };
  }
}

/** The masks as each form of a body has them. */
class BodyMasks {
  readonly text: MaskText;
  readonly #masks: readonly Mask[];
  readonly #values: ValueMasks;
  readonly #placeholders: Placeholders;

  constructor(masks: readonly Mask[], values: ValueMasks, placeholders: Placeholders) {
    this.#masks = masks;
    this.#values = values;
    this.#placeholders = placeholders;
    const detecting = masks.filter(({ detect }) => detect.length > 0);
    this.text = detecting.length > 0 ? detectorsWith(placeholders, detecting, values) : (text) => text;
  }

  get json(): JsonMasks {
    return new JsonMasks(this.#masks, this.#values, this.#placeholders);
  }

  /** Whether they can be put on nothing but JSON. */
  get hasFields(): boolean {
    return this.#masks.some(({ fields = [] }) => fields.length > 0);
  }
}

/**
 * @returns undefined where it stays as it is
 * @throws Malformed where it can't be masked
 */
function maskedBody({ fields, body, read }: MaskableRequest, masks: BodyMasks): Buffer | undefined {
  const form = requestForm(fields, body, read);
  if (form === "none") return undefined;
  // The decision has refused such a request before.
  if (body === undefined || form === undefined) throw new Malformed("it can't be looked into");
  if (form !== "json" && masks.hasFields) throw new Malformed("it is not JSON");
  const text = body.toString("utf8");
  const masked = MASKED[form](text, masks);
  if (masked === text) return undefined;
  const bytes = Buffer.from(masked, "utf8");
  // Two names may have become one: one reader takes the first of these members, another the last.
  if (form === "json" && readJson(bytes) === undefined) {
    throw new Malformed("without it, the body could be read in two ways");
  }
  return bytes;
}

const MASKED: Readonly<Record<Exclude<RequestForm, "none">, (text: string, masks: BodyMasks) => string>> = {
  json: (text, masks) => rewrittenWhole(text, masks.json),
  text: (text, masks) => masks.text(text) ?? "",
  form: (text, masks) =>
    text
      .split("&")
      .map((pair) => maskedPair(pair, masks.text))
      .join("&"),
};

function maskedPair(pair: string, mask: MaskText): string {
  const equals = pair.indexOf("=");
  const name = equals === -1 ? pair : pair.slice(0, equals);
  if (readings(name).some((text) => mask(text) !== text)) {
    throw new Malformed("it is in the name of a parameter");
  }
  if (equals === -1) return pair;
  for (const text of readings(pair.slice(equals + 1))) {
    const masked = mask(text) ?? "";
    if (decodedAgain(masked).some((again) => again !== masked && mask(again) !== again)) {
      throw new Malformed("it is encoded twice in a form");
    }
    if (masked !== text) return `${name}=${encodeURIComponent(masked.toWellFormed())}`;
  }
  return pair;
}

/** What a word of a form says: to most a `+` in it is a blank, and to some it is not. */
function readings(word: string): readonly string[] {
  const latin1 = Buffer.from(word, "utf8").toString("latin1");
  const texts = [latin1.replaceAll("+", " "), latin1].map(decodeEscapes);
  return [...new Set(texts)].map((text) => {
    if (text === undefined) throw new Malformed("it is a form that can't be decoded");
    return text;
  });
}

/** Where beside the body something is found that may not leave. */
function foundOutside(
  { target, fields }: MaskableRequest,
  masks: readonly Mask[],
  values: ValueMasks,
): Extract<MaskedRequest, { ok: false }> | undefined {
  for (const mask of masks) {
    if (mask.detect.length === 0) continue;
    const detect = values.detectors([mask]);
    const finds = (text: string) => text !== "" && detect(text) !== text;
    const where = placeOf({ target, fields }, { detect, finds });
    if (where === undefined) continue;
    return {
      ok: false,
      message: `There is something in ${where} that may not leave (${mask.detect.join(", ")}), and there it can't be taken out. Nothing was sent.`,
      hint: `Leave it out, or send it in the body; or ask whoever keeps the policies for a rule that leaves this request out: ${named(mask.rule)}.`,
    };
  }
  return undefined;
}

function placeOf(
  { target, fields }: Pick<MaskableRequest, "target" | "fields">,
  { detect, finds }: { readonly detect: MaskText; readonly finds: (text: string) => boolean },
): string | undefined {
  if ([pathText(target), ...target.segments].flatMap(decodedAgain).some(finds)) return "the path";
  const query = target.query ?? "";
  const words = target.parameters.flatMap(({ name, value }) => [name, value]);
  if ([decodeEscapes(query) ?? query, ...words].flatMap(decodedAgain).some(finds)) return "the query";
  for (const { name, lower, value } of fields) {
    if (finds(name)) return "the name of a header";
    if (maskedValue(value, detect) !== value) return `the header ${lower}`;
  }
  return undefined;
}

function named({ rule, policy }: RuleReference): string {
  return `"${rule}" of the policy "${policy}"`;
}

/** There are servers that decode twice. */
function decodedAgain(text: string): readonly string[] {
  if (!text.includes("%")) return [text];
  const again = decodeEscapes(Buffer.from(text, "utf8").toString("latin1"));
  return again === undefined ? [text] : [text, again];
}
