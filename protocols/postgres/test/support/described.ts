import { Secret } from "@gatehouse/core";
import type { PostgresServer } from "@gatehouse/testkit";
import { parseSync } from "libpg-query";
import type pg from "pg";
import { CatalogIndex } from "../../src/catalog/catalog-index.ts";
import { ControlConnection } from "../../src/catalog/control-connection.ts";
import { CATALOG_BOUNDS, readCatalog, readFingerprint } from "../../src/catalog/read-catalog.ts";
import type { StatementLineage } from "../../src/lineage/lineage.ts";
import { type LineageOptions, lineageOf } from "../../src/lineage/lineage-of.ts";
import { leaseOf, targetAt } from "./target.ts";

/** A column of RowDescription. */
export interface DescribedField {
  readonly name: string;
  /** Object id of the table, and number of its column, where it is a plain column; 0 elsewhere. */
  readonly tableID: number;
  readonly columnID: number;
}

const never = new AbortController().signal;

export function parse(text: string): readonly unknown[] {
  return parseSync(text).stmts ?? [];
}

export const PLAIN: LineageOptions = {
  parse,
  trusted: new Set(),
  temporary: new Set(),
  unsettled: false,
  fixed: true,
  unknown: false,
};

/** The lineage of a text that has one statement. */
export function lineageOfOne(
  text: string,
  catalog: CatalogIndex,
  path: readonly string[] = ["public"],
  options: Partial<LineageOptions> = {},
): StatementLineage {
  const { lineage } = lineageOf(parse(text), catalog, path, { ...PLAIN, ...options });
  const [only, ...others] = lineage;
  if (only === undefined || others.length > 0) throw new Error(`It is not one statement: ${text}`);
  return only;
}

/** The catalog of a real server. */
export async function catalogOf(server: PostgresServer, database = "postgres"): Promise<CatalogIndex> {
  const { user, password } = server.superuser;
  const target = targetAt([server]);
  const connection = await ControlConnection.open(
    { ...target, settings: { ...target.settings, database } },
    leaseOf(user, new Secret(password)),
  );
  try {
    const before = await readFingerprint(connection, never, CATALOG_BOUNDS);
    return new CatalogIndex((await readCatalog(connection, never, CATALOG_BOUNDS, before)).data);
  } finally {
    connection.close();
  }
}

/** What the server itself says of a statement's answer, without running it; an error, where it takes none of it. */
export function described(client: pg.Client, text: string): Promise<readonly DescribedField[] | Error> {
  return new Promise((resolve) => {
    let result: readonly DescribedField[] | Error = [];
    client.query({
      submit(connection: pg.Connection) {
        connection.parse({ name: "", text, types: [] }, true);
        connection.describe({ type: "S", name: "" }, true);
        connection.sync();
      },
      handleRowDescription({ fields }: { fields: readonly DescribedField[] }) {
        result = fields;
      },
      handleError(error: Error) {
        // No ReadyForQuery is handed on behind it.
        resolve(error);
      },
      handleReadyForQuery() {
        resolve(result);
      },
      handleParseComplete() {},
    } as never);
  });
}
