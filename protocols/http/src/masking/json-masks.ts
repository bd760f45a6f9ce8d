import type { Mask, MaskText, Transform, ValueMasks } from "@gatehouse/core";
import { detectorsWith, type Placeholders, restores } from "./placeholders.ts";
import { followPaths, type PathState } from "./json-path.ts";
import type { JsonVisitor, Replacement, ScalarKind } from "./json-rewriter.ts";

/** Where several masks hide one value, the first of these holds. */
const STRICTEST: readonly Transform["kind"][] = ["null", "redact", "constant", "hash", "partial"];

/** Names that are remembered, and the units of one. */
const MOST_KEPT = 500;
const LONGEST_KEPT = 40;

/** What a path hides. */
interface HiddenField {
  readonly path: string;
  /** Of a string, a number or a word. */
  readonly scalar: MaskText;
  /** Of an object or a list, of which no text can be made that a part may be left of. */
  readonly container: string | null;
}

/**
 * Masks put on JSON. Where a path leads, the whole value is hidden, but for null, which stays null; everywhere else the detectors look at strings,
 * at numbers and at members' names, each by itself.
 */
export class JsonMasks implements JsonVisitor<PathState> {
  readonly root: PathState;
  readonly #fields: readonly HiddenField[];
  readonly #detect: MaskText | undefined;
  /** Names in which nothing was found: the same ones come again and again. */
  readonly #clean = new Set<string>();
  /** Of a name: it can't be null. */
  readonly #redacted: string;

  /** @param placeholders where masks put back what they take out */
  constructor(masks: readonly Mask[], values: ValueMasks, placeholders?: Placeholders) {
    this.#redacted = values.transform({ kind: "redact" })("") ?? "";
    this.#fields = masks
      .toSorted((a, b) => strictness(a) - strictness(b))
      .flatMap((mask) =>
        (mask.fields ?? []).map((path) => hiddenField(path, mask, { values, placeholders })),
      );
    this.root = followPaths(this.#fields.map(({ path }) => path));
    const detecting = masks.filter(({ detect }) => detect.length > 0);
    if (detecting.length === 0) return;
    this.#detect = placeholders
      ? detectorsWith(placeholders, detecting, values)
      : values.detectors(detecting);
  }

  member(of: PathState, name: string): PathState {
    return of.child(name);
  }

  item(of: PathState, index: number): PathState {
    return of.child(index);
  }

  name(name: string): string | undefined {
    if (this.#detect === undefined || this.#clean.has(name)) return undefined;
    const found = this.#found(name);
    if (found === undefined && name.length <= LONGEST_KEPT && this.#clean.size < MOST_KEPT)
      this.#clean.add(name);
    return found === null ? this.#redacted : found;
  }

  scalar(place: PathState, text: string, kind: ScalarKind): Replacement {
    const field = place.hits[0];
    if (field !== undefined) {
      return text === "null" && kind === "word" ? undefined : this.#field(field).scalar(text);
    }
    if (kind === "word") return undefined;
    const found = this.#found(text);
    return found === undefined && kind === "number" ? this.#foundIn(text) : found;
  }

  container(place: PathState): Replacement {
    const field = place.hits[0];
    return field === undefined ? undefined : this.#field(field).container;
  }

  #field(number: number): HiddenField {
    const field = this.#fields[number];
    if (field === undefined) throw new RangeError("a path led to a field that there is not");
    return field;
  }

  #found(text: string): Replacement {
    // No detector finds anything in nothing.
    if (text === "") return undefined;
    const shown = this.#detect?.(text);
    return shown === text ? undefined : shown;
  }

  /** The whole part of the same number without an exponent: `4.111111111111111e15` is a card's as well. */
  #foundIn(number: string): Replacement {
    const value = Number(number);
    if (!/[.eE]/.test(number) || !Number.isFinite(value)) return undefined;
    return this.#found(BigInt(Math.trunc(value)).toString());
  }
}

/** Of two that are as strict, the one that puts nothing back. */
function strictness(mask: Mask): number {
  return STRICTEST.indexOf(mask.with.kind) + (restores(mask) ? 0.5 : 0);
}

function hiddenField(
  path: string,
  mask: Mask,
  { values, placeholders }: { readonly values: ValueMasks; readonly placeholders: Placeholders | undefined },
): HiddenField {
  const { with: transform } = mask;
  const hide = values.transform(transform);
  const scalar: MaskText = placeholders && restores(mask) ? (text) => placeholders.of(text, ["field"]) : hide;
  const saysNothing = transform.kind !== "hash" && transform.kind !== "partial";
  const container = saysNothing ? hide("") : values.transform({ kind: "redact" })("");
  return { path, scalar, container };
}
