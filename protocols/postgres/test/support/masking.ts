import type { Mask, Transform } from "@gatehouse/core";
import {
  type Analysis,
  type AnalysisResult,
  type Reading,
  withLineage,
} from "../../src/analysis/analysis.ts";
import { Analyzer } from "../../src/analysis/analyzer.ts";
import type { Lineage, OutputColumn, StatementLineage } from "../../src/lineage/lineage.ts";
import type { ValueMasks } from "@gatehouse/core";
import { nothingLeft } from "@gatehouse/masking";

/** Texts become what can be told apart from data at a glance. */
export const marking: ValueMasks = {
  transform(transform) {
    switch (transform.kind) {
      case "redact":
        return () => "***";
      case "null":
        return () => null;
      case "constant":
        return () => transform.value;
      case "hash":
        return (text) => `#${Buffer.from(text).toString("hex")}`;
      case "partial":
        return (text) => `${text.slice(0, 1)}***`;
    }
  },
  detectors: () => (text) => text.replaceAll("secret", "[found]"),
  stream: () => nothingLeft,
};

export function maskOf(columns: readonly string[], transform: Transform, more: Partial<Mask> = {}): Mask {
  const rule = { policy: "test", rule: columns.join(), source: "test:1" };
  return { rule, columns, detect: [], with: transform, predicates: "refuse", ...more };
}

export function lineageOf(
  outputs: readonly (Partial<OutputColumn> | string)[] | undefined,
  more: Partial<StatementLineage> = {},
): StatementLineage {
  const given = outputs?.map((output): OutputColumn => {
    if (typeof output === "string") return { name: output, from: [output], exact: true };
    return { name: "x", from: [], exact: true, ...output };
  });
  return {
    predicates: [],
    reads: given?.flatMap(({ from }) => from) ?? [],
    writes: [],
    flows: [],
    gaps: [],
    ...more,
    ...(given ? { outputs: given } : {}),
  };
}

/** Results that have the lineage which a test says: a stand-in for the catalog. */
export class KnowingAnalyzer extends Analyzer {
  readonly #lineage: (text: string) => Lineage | undefined;
  readonly #seen = new WeakMap<AnalysisResult, AnalysisResult>();

  constructor(lineage: (text: string) => Lineage | undefined) {
    super();
    this.#lineage = lineage;
  }

  override known(text: string, reading: Reading): AnalysisResult | undefined {
    const result = super.known(text, reading);
    return result && this.#with(text, result);
  }

  override async analyze(...asked: Parameters<Analyzer["analyze"]>): Promise<AnalysisResult> {
    return this.#with(asked[0], await super.analyze(...asked));
  }

  #with(text: string, result: AnalysisResult): AnalysisResult {
    if (!result.ok) return result;
    const known = this.#seen.get(result) ?? { ok: true, analysis: this.#told(text, result.analysis) };
    this.#seen.set(result, known);
    return known;
  }

  #told(text: string, analysis: Analysis): Analysis {
    const lineage = this.#lineage(text);
    return lineage ? withLineage(analysis, lineage) : analysis;
  }
}
