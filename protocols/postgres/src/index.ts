import type { Protocol, Understanding } from "@gatehouse/core";
import { Analyzer } from "./analysis/analyzer.ts";
import { sqlFacts, toCommand } from "./commands.ts";
import { serve } from "./server.ts";
import { postgresSettings } from "./settings.ts";

/** PostgreSQL's frontend/backend protocol, version 3. */
export function postgres(): Protocol {
  const analyzer = new Analyzer();
  return {
    name: "postgres",
    facts: sqlFacts,
    targetSettings: postgresSettings,
    serve: (options) => serve(options, analyzer),
    understand: (text) => understand(analyzer, text),
    dispose: () => analyzer.dispose(),
  };
}

async function understand(analyzer: Analyzer, text: string): Promise<Understanding> {
  const result = await analyzer.analyze(text, "public");
  if (result.ok && result.analysis.unsupported === undefined) {
    return { ok: true, command: toCommand("query", text, result.analysis) };
  }
  const message = result.ok ? (result.analysis.unsupported ?? "") : result.message;
  const kind = result.ok ? "unsupported" : result.why === "syntax" ? "syntax" : "too_large";
  const position = !result.ok && result.why === "syntax" ? { position: result.position } : {};
  return { ok: false, refusal: { kind, message, ...position } };
}
