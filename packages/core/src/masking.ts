import type { RuleReference } from "./decision.ts";

/** How a value is hidden. NULL stays NULL in all of them, and the value keeps its type. */
export type Transform =
  /** Nothing of it is left: a fixed value of its type. */
  | { readonly kind: "redact" }
  | { readonly kind: "null" }
  | { readonly kind: "constant"; readonly value: string }
  /** The same for the same value, whoever asks and whenever, and not to be undone without the gateway's key. */
  | { readonly kind: "hash" }
  /** A part stays, by what the value is: the domain of an address, the last digits of a card. */
  | { readonly kind: "partial"; readonly of: "email" | "card" | "phone" | "text" };

/** What a `mask` rule asks for, as far as it is about one target. */
export interface Mask {
  readonly rule: RuleReference;
  /** Stored columns, as `schema.table.column`; `*` in a part stands for any characters of that part. */
  readonly columns: readonly string[];
  /** Parts of JSON, as paths: `$.customers[*].email`. */
  readonly fields?: readonly string[];
  /** Names of detectors, for values that look like something wherever they stand. */
  readonly detect: readonly string[];
  readonly with: Transform;
  /**
   * It is about what clients send, and not about what the target answers. `restore`: what was taken out is put back where the answer repeats what
   * stands for it.
   */
  readonly requests?: { readonly restore: boolean };
  /**
   * A command that shows nothing of a masked value, but what it gives depends on one (WHERE, ORDER BY, JOIN): asked
   * often enough, it tells the value.
   */
  readonly predicates: "refuse" | "allow";
}

/** Something about a mask that does not fit what its target has. */
export interface Misfit {
  /** An error is a mask that can't be what it promises. A warning is one that hides nothing. */
  readonly severity: "error" | "warning";
  readonly rule: RuleReference;
  /** As the policy or the target's tags have it. */
  readonly column: string;
  /** In words for whoever keeps the policies: the column, and what it is in the target. */
  readonly message: string;
}

/** A mask that a command's answer was given, for the audit log: what was hidden and by which rule, never a value. */
export interface AppliedMask {
  readonly rule: RuleReference;
  /** What it hides in this answer: columns of the result, or the names of detectors. */
  readonly hides: readonly string[];
}

/**
 * How a part of an answer is hidden. What is made of a value by computing with it may tell it in ways that no transform
 * knows, and by being there or not (substring(email from '^a')): all of it is withheld, so that each row has the same.
 */
export type Hiding = Transform | { readonly kind: "withheld" };

/** A column of a command's answer, or the like, that is hidden: how, and by which rules. */
export interface HiddenOutput {
  readonly name: string;
  readonly with: Hiding;
  readonly rules: readonly RuleReference[];
}

/** What becomes of a command whose decision has masks, as its protocol sees it. */
export type MaskingOutcome =
  /** It goes on, and its answer is masked on the way back. `hidden` is for who looks into policies. */
  | {
      readonly ok: true;
      readonly applied: readonly AppliedMask[];
      readonly hidden?: readonly HiddenOutput[];
    }
  /** Its answer could not be masked, or would tell what is masked. In words for the client. */
  | {
      readonly ok: false;
      readonly message: string;
      readonly hint: string;
      /** The mask's that stands in the way; the first one's, where any of them would. */
      readonly rule?: RuleReference;
    };

/** The text that stands in a text's place; null for SQL's NULL. The same for the same text. */
export type MaskText = (text: string) => string | null;

/** What stands in the place of a value that was found in a text. @param detectors the names of those that found it, one at least */
export type InsteadOf = (value: string, detectors: readonly string[]) => string;

/**
 * The same as a MaskText makes, from bytes to bytes: bytes of the value's own and stars, of which there is one at least.
 * @param out has room for the value and three bytes more from `at` on
 * @returns where it ends in `out`; -1 where the MaskText has to be asked, as always where what it would look at is not ASCII
 */
export type MaskAscii = (
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  at: number,
) => number;

/**
 * A text that comes in pieces, masked by detectors. What could still become part of something that is to be hidden is kept
 * back.
 */
export interface MaskingStream {
  /** The bytes that may go out now, in order. */
  write(chunk: Buffer): readonly Buffer[];
  /** All that is kept back: it has waited long enough, or the text has ended. */
  flush(): readonly Buffer[];
  /** Whether anything is kept back. */
  readonly pending: boolean;
  /** Bytes of what came that are kept back; where one mask's output is looked through by the next one, about so many. None only where nothing is. */
  readonly kept: number;
  /** Names of the detectors that have found something so far. */
  readonly found: ReadonlySet<string>;
}

/** What texts become, whatever protocol they come by. `redact`, `null` and `constant` look at no text. */
export interface ValueMasks {
  transform(transform: Transform): MaskText;
  /** A quicker way to the same, where there is one. */
  ascii?(transform: Transform): MaskAscii | undefined;
  /**
   * A text with all that the masks' detectors find in it hidden; the same string where they find nothing.
   * @param instead what stands in the place of each value found, and not what the masks say
   */
  detectors(masks: readonly Mask[], instead?: InsteadOf): MaskText;
  /**
   * The same for a text that comes in pieces.
   * @param terminal it is what a terminal shows: control sequences may stand in the middle of what is to be hidden
   * @param keep what is kept back: whole lines, which costs least; or what could be the beginning of something that is to be hidden, and no more than
   *   256 bytes of it, where somebody waits for each word
   */
  stream(
    masks: readonly Mask[],
    options: { readonly terminal: boolean; readonly keep?: "lines" | "beginnings" },
  ): MaskingStream;
}
