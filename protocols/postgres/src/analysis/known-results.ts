import { LRUCache } from "lru-cache";
import type { Analysis, AnalysisResult, Reading } from "./analysis.ts";
import type { Lineage } from "../lineage/lineage.ts";
import { shapeOf } from "./shape.ts";

/** Bytes that are kept. Traffic repeats itself; a client that never does evicts only itself. */
const SIZE = 32 * 1024 * 1024;
/** How many ways to read a text are told apart at once: a session that changes its path starts another. */
const MAX_READINGS = 4096;

/** Before the keys of one reading: of texts, and of the shapes that texts have in common. */
interface Prefixes {
  readonly text: string;
  readonly shape: string;
}

/**
 * Results that are known already, by how the text is read, and by the text or, where no literal matters, by its shape.
 * What is found twice is the same object.
 */
export class KnownResults {
  readonly #results = new LRUCache<string, AnalysisResult>({
    maxSize: SIZE,
    sizeCalculation: (result, key) => key.length * 2 + sizeOf(result) + 1024,
  });
  readonly #prefixes = new LRUCache<string, Prefixes>({ max: MAX_READINGS });
  /** Whoever asks with the same object again spares the writing of its key. */
  readonly #readings = new WeakMap<Reading, Prefixes>();
  #count = 0;

  get(text: string, reading: Reading): AnalysisResult | undefined {
    const prefixes = this.#prefixesOf(reading);
    const shape = shapeOf(text);
    const shared = shape === undefined ? undefined : this.#results.get(prefixes.shape + shape);
    return shared ?? this.#results.get(prefixes.text + text);
  }

  /**
   * Keeps a result.
   * @param literals whether it holds for this text alone, and not for others that differ in literals
   */
  keep(text: string, reading: Reading, result: AnalysisResult, literals: boolean): void {
    const prefixes = this.#prefixesOf(reading);
    const shape = literals ? undefined : shapeOf(text);
    this.#results.set(shape === undefined ? prefixes.text + text : prefixes.shape + shape, result);
  }

  #prefixesOf(reading: Reading): Prefixes {
    const seen = this.#readings.get(reading);
    if (seen) return seen;
    const { path, backslashes, touched, usesUser, catalog } = reading;
    const seenIn = catalog && [catalog.data.version, catalog.unsettled, catalog.redefined];
    const key = JSON.stringify([path, backslashes, touched, usesUser, seenIn]);
    // A number is given once: what was kept under the number of a forgotten reading is never found again.
    const prefixes = this.#prefixes.get(key) ?? numbered(this.#count++);
    this.#prefixes.set(key, prefixes);
    this.#readings.set(reading, prefixes);
    return prefixes;
  }
}

function numbered(number: number): Prefixes {
  return { text: `${number}t`, shape: `${number}s` };
}

function sizeOf(result: AnalysisResult): number {
  return result.ok ? sizeOfAnalysis(result.analysis) : result.message.length * 2;
}

/** Bytes that an analysis takes, roughly: names and effects are the most of it. A few words can name thousands. */
export function sizeOfAnalysis(analysis: Analysis): number {
  const { effects, redacted, lineage = [] } = analysis;
  const lists = [
    analysis.verbs,
    analysis.named,
    analysis.reads,
    analysis.writes,
    analysis.functions,
    effects,
  ];
  const names = lists.reduce((sum, { length }) => sum + length, namesIn(lineage));
  const inner = effects.reduce(
    (sum, effect) => sum + ("body" in effect ? effect.text.length * 2 + sizeOfAnalysis(effect.body) : 0),
    0,
  );
  return names * 128 + inner + (redacted?.length ?? 0) * 2;
}

function namesIn(lineage: Lineage): number {
  let count = 0;
  for (const { outputs = [], predicates, reads, writes, flows } of lineage) {
    count += predicates.length + reads.length + writes.length + 1;
    for (const { from } of outputs) count += from.length + 1;
    for (const { from } of flows) count += from.length + 1;
  }
  return count;
}
