import { type Protocol, systemClock, type Target, type Understanding } from "@gatehouse/core";
import { Analyzer } from "./analysis/analyzer.ts";
import { CancelKeys } from "./cancel-keys.ts";
import { Catalogs } from "./catalog/catalogs.ts";
import { sqlFacts, toCommand, withoutCatalog } from "./commands.ts";
import { refusedByAnalysis } from "./grounds.ts";
import { misfits } from "./masking/misfits.ts";
import { serve } from "./server.ts";
import { postgresLevelSettings, postgresSettings, settingsOf } from "./settings.ts";

/**
 * PostgreSQL's frontend/backend protocol, version 3.
 * @param analyzer shared by all sessions, so that they share what is known; it is disposed of with the protocol
 */
export function postgres(analyzer = new Analyzer()): Protocol {
  const cancelKeys = new CancelKeys();
  let catalogs: Catalogs | undefined;
  return {
    name: "postgres",
    facts: sqlFacts,
    targetSettings: postgresSettings,
    levelSettings: postgresLevelSettings,
    serve: (options) => {
      const { lease, learned, log } = options;
      catalogs ??= new Catalogs({ clock: systemClock, lease, learned, log });
      return serve(options, { analyzer, cancelKeys, catalogs });
    },
    status: (target) => catalogs?.of(target)?.status() ?? { ok: true },
    learn: async (target) => {
      const catalog = catalogs?.of(target);
      catalog?.stale();
      // Why it can't be read is its status, and was logged.
      await catalog?.fresh().catch(() => undefined);
    },
    misfits: (target, masks) => {
      const catalog = catalogs?.latest(target);
      return catalog ? misfits(masks, catalog) : [];
    },
    understand: (text, target) => understand(analyzer, text, target),
    dispose: () => {
      catalogs?.dispose();
      return analyzer.dispose();
    },
  };
}

async function understand(analyzer: Analyzer, text: string, target: Target): Promise<Understanding> {
  const { schema } = settingsOf(target);
  // As a session begins.
  const reading = { path: [schema], backslashes: false, touched: false, usesUser: schema === "$user" };
  const result = await analyzer.analyze(text, reading);
  const refused = refusedByAnalysis(result, text);
  if (refused) return { ok: false, refusal: refused };
  if (!result.ok) throw new TypeError("An analysis that failed must have been refused.");
  return { ok: true, command: withoutCatalog(toCommand("query", text, result.analysis)) };
}
