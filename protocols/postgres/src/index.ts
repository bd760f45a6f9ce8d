import {
  type CatalogFiles,
  GatehouseError,
  type Protocol,
  systemClock,
  type Understand,
  type Understanding,
} from "@gatehouse/core";
import { KEEPALIVE } from "@gatehouse/wire";
import { Analyzer } from "./analysis/analyzer.ts";
import { CancelKeys } from "./cancel-keys.ts";
import type { CatalogData } from "./catalog/catalog.ts";
import { catalogFile, readCatalogFile } from "./catalog/catalog-file.ts";
import { Catalogs } from "./catalog/catalogs.ts";
import { type SqlCommand, sqlFacts, toCommand, withoutCatalog } from "./commands.ts";
import { refusedByAnalysis } from "./grounds.ts";
import { misfits } from "./masking/misfits.ts";
import { RUN_BY_NAME } from "./masking/plan.ts";
import { PostgresProvisioner } from "./provisioner/provisioner.ts";
import { serve } from "./server.ts";
import { SurroundingsOfTargets } from "./surroundings.ts";
import {
  levelSettingsOf,
  mints,
  postgresLevelSettings,
  postgresListenerSettings,
  postgresSettings,
  settingsOf,
} from "./settings.ts";
import { Upstream } from "./upstream.ts";

/**
 * PostgreSQL's frontend/backend protocol, version 3.
 * @param analyzer shared by all sessions, so that they share what is known; it is disposed of with the protocol
 */
export function postgres(analyzer = new Analyzer()): Protocol {
  const cancelKeys = new CancelKeys();
  let catalogs: Catalogs | undefined;
  let surroundings: SurroundingsOfTargets | undefined;
  return {
    name: "postgres",
    facts: sqlFacts,
    security: "tls",
    credentials: { proofs: ["password", "certificate"] },
    listenerSettings: postgresListenerSettings,
    targetSettings: postgresSettings,
    levelSettings: postgresLevelSettings,
    serve: (options) => {
      const { lease, learned, log } = options;
      catalogs ??= new Catalogs({ clock: systemClock, lease, learned, log });
      surroundings ??= new SurroundingsOfTargets(lease, log);
      return serve(options, { analyzer, cancelKeys, catalogs, surroundings });
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
    understand: understandWith(analyzer),
    catalogs: {
      take: takeCatalog,
      read: (raw) => {
        const result = readCatalogFile(raw);
        if (!result.ok) return result;
        const { value: catalog } = result;
        const understand = understandWith(analyzer, catalog);
        return { ok: true, value: { understand, misfits: (masks) => misfits(masks, catalog) } };
      },
    },
    minting: {
      mints: (settings) => mints(levelSettingsOf({ settings })),
      provisioner: (options) => new PostgresProvisioner(options),
    },
    probe: async (target, lease) => {
      const settings = settingsOf(target);
      const { database } = settings;
      const parameters = new Map(Object.entries({ database, application_name: "gatehouse" }));
      await (await Upstream.connect({ ...target, settings }, lease, parameters, KEEPALIVE)).end();
    },
    dispose: () => {
      catalogs?.dispose();
      surroundings?.dispose();
      return analyzer.dispose();
    },
  };
}

const takeCatalog: CatalogFiles["take"] = async (target, options) => {
  const catalogs = new Catalogs({ clock: systemClock, learned: () => undefined, ...options });
  try {
    const data = await catalogs.of(target)?.fresh();
    if (data === undefined) {
      throw new GatehouseError(
        "CATALOG_UNAVAILABLE",
        `The config says of the target "${target.name}" that its catalog is not to be read.`,
      );
    }
    const views = data.relations.filter(({ kind }) => kind === "view" || kind === "materialized view");
    const locked = views.find(({ definition }) => definition === undefined);
    if (locked === undefined) return catalogFile(data);
    throw new GatehouseError(
      "CATALOG_UNAVAILABLE",
      `Somebody is altering what the view ${locked.name} reads.`,
      {
        hint: "Try again when that has ended.",
      },
    );
  } finally {
    catalogs.dispose();
  }
};

/** @param catalog that the target is taken to have; without it, nothing is known but the text */
function understandWith(analyzer: Analyzer, catalog?: CatalogData): Understand {
  return async (text, target) => {
    const { schema } = settingsOf(target);
    // As a session begins.
    const reading = { path: [schema], backslashes: false, touched: false, usesUser: schema === "$user" };
    const view = catalog && { data: catalog, unsettled: false, redefined: false };
    const result = await analyzer.analyze(text, view ? { ...reading, catalog: view } : reading);
    const refused = refusedByAnalysis(result, text);
    if (refused) return { ok: false, refusal: refused };
    if (!result.ok) throw new TypeError("An analysis that failed must have been refused.");
    const command = toCommand("query", text, result.analysis);
    return catalog ? understood(command) : { ok: true, command: withoutCatalog(command) };
  };
}

/** With where its values come from, as far as that can be told to who speaks no SQL. */
function understood(command: SqlCommand): Understanding {
  const lineage = command.shape.lineage?.map(({ outputs, predicates, flows, gaps, byName }) => ({
    ...(outputs ? { outputs: outputs.map(({ name, from, exact }) => ({ name, from, exact })) } : {}),
    predicates,
    flows,
    gaps: byName ? [RUN_BY_NAME, ...gaps] : gaps,
  }));
  return { ok: true, command, ...(lineage ? { lineage } : {}) };
}
