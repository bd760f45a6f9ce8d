import { CUT } from "./bounds.ts";

/** All but the end of a line and the tab: with these a text could hide a part of itself, or show itself reordered. */
const UNSEEN = /(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** A backtick would end the code that a text is shown as, and Slack has no way to say that it should not. */
const LIKE_A_BACKTICK = "\u02cb";

/** A text as Slack shows it letter by letter, no longer than `longest` when it is escaped. */
export function asCode(text: string, longest: number): string {
  const shown = text.replaceAll("`", LIKE_A_BACKTICK).replace(UNSEEN, visible);
  const whole = escaped(shown);
  if (whole.length <= longest) return whole;
  // Cut between characters: half of an entity would be shown as it stands.
  let kept = "";
  for (const character of shown) {
    const next = kept + escaped(character);
    if (next.length > longest - CUT.length) break;
    kept = next;
  }
  return kept + CUT;
}

/** The same on one line: a value among others has no lines of its own. */
export function asWord(text: string, longest: number): string {
  return asCode(text.replace(/\s+/g, " "), longest);
}

/** Slack reads `<...>` as links and mentions, `&` as the start of an entity, and nothing else so. */
function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function visible(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
