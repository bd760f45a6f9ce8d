import { GatehouseError, Secret, type UnixAddress } from "@gatehouse/core";
import { parseSync } from "libpg-query";
import pg from "pg";
import type { Analysis, Reading } from "../../src/analysis/analysis.ts";
import { analyze } from "../../src/analysis/analyze.ts";
import { asNode } from "../../src/analysis/node.ts";
import { schemasIn } from "../../src/analysis/search-path.ts";
import { viewFactsOf } from "../../src/analysis/view-facts.ts";
import { CatalogIndex } from "../../src/catalog/catalog-index.ts";
import { ControlConnection } from "../../src/catalog/control-connection.ts";
import {
  CATALOG_BOUNDS,
  type CatalogReading,
  readCatalog,
  readFingerprint,
} from "../../src/catalog/read-catalog.ts";
import { SessionCatalog } from "../../src/catalog/session-catalog.ts";
import { Pending } from "../../src/pending.ts";
import { judge, ownOf, type Verdict } from "../support/grants.ts";
import { leaseOf, targetAt } from "../support/target.ts";

/** Of so many statements, one is looked at with the catalog too. */
const WITH_CATALOG = 20;
/** Milliseconds to read the catalog in. */
const PATIENCE = 10_000;

/** For what does not depend on how a text is read. */
const ANYHOW: Reading = { path: ["public"], backslashes: false, touched: false, usesUser: false };

const QUERIES = /^(?:SelectStmt|InsertStmt|UpdateStmt|DeleteStmt|MergeStmt)$/;

/** What was said of one statement. */
export interface Judged {
  readonly text: string;
  readonly verdict: Verdict;
  readonly analysis?: Analysis;
}

/** By grammar alone; where that has missed something, by the catalog too. */
export interface Looked extends Judged {
  readonly known?: Judged;
}

interface Login {
  readonly address: UnixAddress;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** Asks PostgreSQL's privileges about statements, as they come. */
export class Oracle {
  readonly looked: Looked[] = [];
  /** One of so many, by the catalog. */
  readonly sample: Judged[] = [];
  readonly #login: Login;
  /** What each session may have changed and not shown to others, as in the gateway. */
  readonly #sessions = new WeakMap<pg.Client, SessionCatalog>();
  #connection: ControlConnection | undefined;
  #catalog: CatalogReading | undefined;
  #index: CatalogIndex | undefined;
  /** Something was sent that may have changed the catalog since it was read. */
  #stale = true;

  constructor(login: Login) {
    this.#login = login;
  }

  /** @param text that is sent next, of any kind; one that neither reads nor changes rows is not judged */
  async look(client: pg.Client, text: string): Promise<void> {
    const session = this.#sessionOf(client);
    const status = client.getTransactionStatus();
    session.ready(status === "I" ? "idle" : "open");
    const stmts = parsed(text);
    if (stmts === undefined || stmts.some(isQuery)) await this.#query(client, text, stmts);
    if (stmts) {
      const { analysis } = analyze(text, stmts, ANYHOW);
      session.sent(analysis, analysis.access, text);
    } else this.#stale = true;
  }

  async #query(client: pg.Client, text: string, stmts: readonly unknown[] | undefined): Promise<void> {
    const refused = (why: string) => this.looked.push({ text, verdict: { kind: "not judged", why } });
    if (stmts === undefined) refused("it has no grammar");
    else if (stmts.length > 1) refused("it is several statements");
    else if (client.getTransactionStatus() === "E") refused("its transaction has failed before");
    else {
      try {
        await this.#judge(client, text, stmts);
      } catch (error) {
        if (!isFailure(error)) throw error;
        refused(error.message);
      }
    }
  }

  close(): void {
    this.#connection?.close();
  }

  async #judge(client: pg.Client, text: string, stmts: readonly unknown[]): Promise<void> {
    const reading = await readingOf(client);
    const { analysis } = analyze(text, stmts, reading);
    const verdict = await judge(client, text, { analysis, path: reading.path });
    const missed = verdict.kind === "missed";
    const sampled = this.looked.length % WITH_CATALOG === 0;
    const known = missed || sampled ? await this.#judgeKnown(client, text, reading) : undefined;
    this.looked.push({ text, verdict, analysis, ...(missed && known ? { known } : {}) });
    if (sampled && known) this.sample.push(known);
  }

  async #judgeKnown(client: pg.Client, text: string, reading: Reading): Promise<Judged> {
    const analysis = await this.#withCatalog(client, text, reading);
    if (analysis instanceof Error) return { text, verdict: { kind: "not judged", why: analysis.message } };
    return { text, verdict: await judge(client, text, { analysis, path: reading.path }), analysis };
  }

  async #withCatalog(client: pg.Client, text: string, reading: Reading): Promise<Analysis | Error> {
    try {
      const catalog = await this.#read();
      const view = this.#sessionOf(client).view();
      if (view === undefined || view instanceof Pending || view === "unavailable")
        return new Error("no catalog");
      const { unsettled, redefined } = view;
      const surroundings = { catalog, unsettled, redefined, viewFacts: viewFactsOf(catalog, parseAll) };
      return ownOf(analyze(text, parseAll(text), reading, surroundings).analysis, surroundings.catalog);
    } catch (error) {
      if (error instanceof GatehouseError) return error;
      throw error;
    }
  }

  #sessionOf(client: pg.Client): SessionCatalog {
    const known = this.#sessions.get(client);
    if (known) return known;
    const session = new SessionCatalog({
      current: () => this.#catalog?.data,
      fresh: () => Promise.reject(new Error("It is read before it is looked at.")),
      stale: () => {
        this.#stale = true;
      },
      renew: () => Promise.resolve(),
    });
    this.#sessions.set(client, session);
    return session;
  }

  async #read(): Promise<CatalogIndex> {
    if (!this.#stale && this.#index !== undefined) return this.#index;
    const deadline = AbortSignal.timeout(PATIENCE);
    if (this.#connection?.open !== true) this.#connection = await this.#open();
    const fingerprint = await readFingerprint(this.#connection, deadline, CATALOG_BOUNDS);
    this.#stale = false;
    if (this.#index !== undefined && this.#catalog?.fingerprint === fingerprint) return this.#index;
    this.#catalog = await readCatalog(this.#connection, deadline, CATALOG_BOUNDS, fingerprint);
    this.#index = new CatalogIndex(this.#catalog.data);
    return this.#index;
  }

  #open(): Promise<ControlConnection> {
    const { address, user, password, database } = this.#login;
    const target = targetAt([address]);
    return ControlConnection.open(
      { ...target, settings: { ...target.settings, database } },
      leaseOf(user, new Secret(password)),
    );
  }
}

/** How the server reads a text at the moment. Anybody may ask by SHOW, whoever the script acts as. */
async function readingOf(client: pg.Client): Promise<Reading> {
  const shown = async (name: string) =>
    (await client.query<{ [setting: string]: string }>(`SHOW ${name}`)).rows[0]?.[name] ?? "";
  const path = schemasIn(await shown("search_path"));
  const role = await shown("role");
  const user = role === "none" ? await shown("session_authorization") : role;
  return {
    path: path.map((schema) => (schema === "$user" ? user : schema)),
    backslashes: (await shown("standard_conforming_strings")) === "off",
    touched: false,
    usesUser: false,
  };
}

/** The server's doing, and not a fault of this program's. */
function isFailure(error: unknown): error is Error {
  return (
    error instanceof pg.DatabaseError ||
    (error instanceof Error && /^Connection terminated/.test(error.message))
  );
}

function parsed(text: string): readonly unknown[] | undefined {
  try {
    return parseAll(text);
  } catch {
    return undefined;
  }
}

function parseAll(text: string): readonly unknown[] {
  return parseSync(text).stmts ?? [];
}

/** It reads or changes rows, is a COPY of a query's to the client, or an EXPLAIN ANALYZE of one. */
function isQuery(raw: unknown): boolean {
  const statement = asNode(asNode(raw)?.["stmt"]) ?? {};
  const [[name, value] = ["", undefined]] = Object.entries(statement);
  const body = asNode(value) ?? {};
  if (name === "CopyStmt") return body["query"] !== undefined && body["filename"] === undefined;
  if (name === "ExplainStmt")
    return isQuery({ stmt: body["query"] }) && JSON.stringify(body["options"] ?? []).includes('"analyze"');
  return QUERIES.test(name);
}
