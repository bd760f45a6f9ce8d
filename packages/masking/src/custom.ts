import { RE2JS, RE2JSSyntaxException } from "re2js";
import type { Detector } from "./detector.ts";

/** Patterns of a config by name, in RE2's syntax. What a match has as its first group is hidden, or all of it. */
export type CustomPatterns = Readonly<Record<string, string>>;

/** It repeats nothing of the pattern, which may be a secret at a wrong place. */
export interface PatternProblem {
  readonly name: string;
  readonly message: string;
  /** It is the name that is wrong, or that there is one more. */
  readonly atName: boolean;
}

export const DETECTOR_NAME = /^[a-z][a-z0-9_]{0,30}\.[a-z][a-z0-9_]{0,62}$/;
const MAX_PATTERNS = 100;
const MAX_LENGTH = 1000;
/** RE2's instructions: `((a{100}){100})` is short and takes 10,000. */
const MAX_PROGRAM = 2000;

/** What is wrong with a pattern of a config, in words for the person who wrote it; nothing where it can be used. */
export function problemsOf(custom: CustomPatterns, known: ReadonlySet<string>): readonly PatternProblem[] {
  const entries = Object.entries(custom);
  const problems = entries.flatMap(([name, pattern]) => {
    const ofName = problemOfName(name, known);
    const message = ofName ?? problemOfPattern(pattern);
    return message === undefined ? [] : [{ name, message, atName: ofName !== undefined }];
  });
  const [first] = entries.slice(MAX_PATTERNS);
  if (first) {
    problems.push({ name: first[0], message: `there are more than ${MAX_PATTERNS} patterns`, atName: true });
  }
  return problems;
}

export function customDetectors(custom: CustomPatterns): readonly Detector[] {
  return Object.entries(custom).map(([name, pattern]) => ({ name, pattern }));
}

function problemOfName(name: string, known: ReadonlySet<string>): string | undefined {
  if (known.has(name)) return "a detector of this name comes with Gatehouse";
  return DETECTOR_NAME.test(name)
    ? undefined
    : "expected a name such as custom.badge: two words of a-z, 0-9 and _";
}

function problemOfPattern(pattern: string): string | undefined {
  if (pattern.length > MAX_LENGTH) return `the pattern has more than ${MAX_LENGTH} characters`;
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(pattern);
  } catch (error) {
    const what = error instanceof RE2JSSyntaxException ? `: ${error.getDescription()}` : "";
    return `not a pattern that RE2 can read${what}`;
  }
  if (compiled.programSize() > MAX_PROGRAM)
    return "the pattern repeats too much to be looked for in every value";
  return compiled.test("") ? "the pattern matches the empty text, and so everywhere" : undefined;
}
