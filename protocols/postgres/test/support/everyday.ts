/** The corpora of every day (test/masking/everyday), for whoever needs nothing but their texts. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseYaml } from "@gatehouse/documents";
import pg from "pg";

const FOLDER = join(import.meta.dirname, "..", "..", "..", "..", "test", "masking");

/** The tables that the statements are about. */
export function everydaySchema(): Promise<string> {
  return readFile(join(FOLDER, "everyday.sql"), "utf8");
}

/** As far as it matters here; test/masking/everyday.ts has the schema. */
interface Everyday {
  readonly statements: readonly (Text | readonly Text[])[];
}
type Text = string | { readonly sql: string; readonly parameters?: readonly (string | null)[] };

/** The everyday corpora's statements, with objects in the place of their marks, and NULL in that of parameters. */
export async function everyday(client: pg.Client): Promise<string[]> {
  const folder = join(FOLDER, "everyday");
  const texts: string[] = [];
  for (const file of await readdir(folder)) {
    const parsed = parseYaml(await readFile(join(folder, file), "utf8"), file);
    if (!parsed.ok) throw new Error(`${file} is not YAML.`);
    for (const one of (parsed.document.value as Everyday).statements.flat()) {
      const { sql, parameters = [] } = typeof one === "string" ? { sql: one } : one;
      let text = sql.replace(/\$(\d+)/g, (_, place: string) => {
        const value = parameters[Number(place) - 1];
        return value == null ? "NULL" : pg.escapeLiteral(value);
      });
      for (const [mark, kind, name] of text.matchAll(/\{(regclass|regtype|regprocedure) ([^{}]+)\}/g)) {
        const { rows } = await client.query<{ id: string }>(`SELECT $1::${kind ?? ""}::oid::text AS id`, [
          name,
        ]);
        text = text.replace(mark, rows[0]?.id ?? "");
      }
      texts.push(text);
    }
  }
  return texts;
}
