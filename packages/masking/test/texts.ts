import { detectorRegistry, type Scanner } from "../src/index.ts";
import { samples } from "./detectors/samples.ts";

/** Mulberry32: small, seeded, the same on every machine. */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

export function scanner(custom: Record<string, string> = {}, ...names: readonly string[]): Scanner {
  const result = detectorRegistry(custom);
  const selection = result.ok
    ? result.registry.select(names.length > 0 ? names : ["secret.*", "pii.*"])
    : result;
  if (!selection.ok) throw new Error(JSON.stringify(selection));
  return selection.scanner;
}

export const values = Object.values(samples).flatMap(({ found, left }) => [...found, ...left]);
export const glue = [
  "",
  " ",
  ",",
  "\n",
  "_",
  "-",
  "x",
  "7",
  "@",
  ".",
  ":",
  "/",
  "=",
  "\u{1f600}",
  "ä",
  "\ud800",
  '"',
];

/** Values and look-alikes, whole and in pieces, with all sorts of things between them. */
export function anyText(random: (below: number) => number): string {
  let text = "";
  for (let part = random(8); part >= 0; part--) {
    const value = values[random(values.length)] ?? "";
    const piece = random(3) > 0 ? value : value.slice(random(value.length), random(value.length) + 20);
    text += piece + (glue[random(glue.length)] ?? "");
    if (random(40) === 0) text += " lorem ipsum".repeat(random(400));
  }
  return text;
}
