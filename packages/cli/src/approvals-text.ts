/** Words of others on a terminal. */
import { paint } from "./output.ts";

/**
 * What must not reach a terminal as it is: control characters, which move the cursor and paint over what stands there;
 * characters that can't be seen or that change the order of others (Unicode's general categories C and Z but for the
 * blank, all that is ignorable by default, and the braille blank); and of the marks that are stacked on one letter the
 * third and later ones, which reach into the lines above and below.
 */
const UNSEEN =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}|(?<=\p{M}{2})\p{M}|^\p{M}/gu;

/** One character as it is shown, and the columns that it takes at the most. */
interface Piece {
  readonly shown: string;
  readonly width: number;
}

function* pieces(text: string, stream: NodeJS.WriteStream): Generator<Piece> {
  let next = 0;
  for (const { 0: unseen, index } of text.matchAll(UNSEEN)) {
    yield* seen(text.slice(next, index));
    // On a terminal in reverse, which no text can imitate.
    const name = `<U+${(unseen.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}>`;
    yield { shown: paint("inverse", name, stream), width: name.length };
    next = index + unseen.length;
  }
  yield* seen(text.slice(next));
}

/**
 * What is beyond ASCII may be wide on one terminal and not on another. A line that comes out longer than it was counted
 * would go on in the next, where it could pass for something else: so it is counted as wide.
 */
function* seen(text: string): Generator<Piece> {
  for (const character of text) {
    const width = character <= "\x7f" ? 1 : /\p{M}/u.test(character) ? 0 : 2;
    yield { shown: character, width };
  }
}

/** A text with everything that can't be seen as `<U+202E>`. */
export function visible(text: string, stream: NodeJS.WriteStream = process.stdout): string {
  return [...pieces(text, stream)].map(({ shown }) => shown).join("");
}

/** A text in one line, made visible and cut to a width, with … where something is missing. */
export function fitted(text: string, width = Number.POSITIVE_INFINITY): Piece {
  const all = [...pieces(text.replace(/[ \t\r\n]+/g, " ").trim(), process.stdout)];
  const whole = all.reduce((sum, piece) => sum + piece.width, 0);
  if (whole <= width) return { shown: all.map(({ shown }) => shown).join(""), width: whole };
  let cut = "";
  let taken = 0;
  for (const piece of all) {
    if (taken + piece.width > width - 2) break;
    cut += piece.shown;
    taken += piece.width;
  }
  return { shown: `${cut}…`, width: taken + 1 };
}

/**
 * A text of several lines, made visible. Tabs are blanks.
 * @param width in columns; a longer line goes on in the next one
 */
export function wrapped(text: string, width: number): readonly string[] {
  return text.split(/\r?\n/).flatMap((line) => wrapLine(line.replaceAll("\t", "    "), width));
}

function wrapLine(line: string, width: number): readonly string[] {
  const lines: string[] = [];
  let current = "";
  let taken = 0;
  for (const piece of pieces(line, process.stdout)) {
    if (taken + piece.width > width && taken > 0) {
      lines.push(current);
      current = "";
      taken = 0;
    }
    current += piece.shown;
    taken += piece.width;
  }
  return [...lines, current];
}

/** JSON whose strings have what can't be seen as `\u202e`. @param indent 0 is one line */
export function visibleJson(value: unknown, indent: number): string {
  return JSON.stringify(value, null, indent).replace(UNSEEN, (unseen) =>
    unseen === "\n" ? unseen : escapedUnits(unseen),
  );
}

function escapedUnits(text: string): string {
  return text
    .split("")
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}

/** `2d 3h`, `9m 41s`, `8s`: the two largest units. @param milliseconds below 0 is 0 */
export function lengthOfTime(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const parts = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  if (first === -1) return "0s";
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count}${unit}`)
    .join(" ");
}
