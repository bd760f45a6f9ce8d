import { type CustomPatterns, customDetectors, type PatternProblem, problemsOf } from "./custom.ts";
import type { Detector } from "./detector.ts";
import { builtIn } from "./detectors/index.ts";
import { Scanner } from "./scanner.ts";

export type RegistryResult =
  | { readonly ok: true; readonly registry: DetectorRegistry }
  | { readonly ok: false; readonly problems: readonly PatternProblem[] };

export type Selection =
  | { readonly ok: true; readonly scanner: Scanner }
  /** Names, or groups, of which there is no detector. */
  | { readonly ok: false; readonly unknown: readonly string[] };

/** All detectors: those that come with Gatehouse, and a config's patterns. */
export function detectorRegistry(custom: CustomPatterns = {}): RegistryResult {
  const problems = problemsOf(custom, new Set(builtIn.map(({ name }) => name)));
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, registry: new DetectorRegistry(builtIn, custom) };
}

/** Made by `detectorRegistry`, which has checked the patterns. */
export class DetectorRegistry {
  /** The config's. */
  readonly patterns: CustomPatterns;
  readonly #builtIn: readonly Detector[];
  readonly #custom: readonly Detector[];
  /** Compiled patterns are large: rules that look for the same share them. */
  readonly #scanners = new Map<string, Scanner>();

  constructor(own: readonly Detector[], patterns: CustomPatterns) {
    this.patterns = patterns;
    this.#builtIn = own;
    this.#custom = customDetectors(patterns);
  }

  get names(): readonly string[] {
    return [...this.#builtIn, ...this.#custom].map(({ name }) => name);
  }

  /** @param wanted names of detectors, or `group.*` for all of a group */
  select(wanted: readonly string[]): Selection {
    const unknown = wanted.filter((name) => !this.names.some((known) => isMeant(name, known)));
    if (unknown.length > 0) return { ok: false, unknown };
    const meant = ({ name }: Detector) => wanted.some((one) => isMeant(one, name));
    const own = this.#builtIn.filter(meant);
    const custom = this.#custom.filter(meant);
    const key = [...own, ...custom].map(({ name }) => name).join(" ");
    const scanner = this.#scanners.get(key) ?? new Scanner(own, custom);
    this.#scanners.set(key, scanner);
    return { ok: true, scanner };
  }
}

function isMeant(wanted: string, name: string): boolean {
  return wanted.endsWith(".*") ? name.startsWith(wanted.slice(0, -1)) : wanted === name;
}
