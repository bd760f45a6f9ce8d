import { readdirSync, readFileSync } from "node:fs";

const FOLDER = new URL("./sql/", import.meta.url);

/** Read once, so that what runs is what was there when the gateway was started. */
const texts = new Map(
  readdirSync(FOLDER)
    .filter((file) => file.endsWith(".sql"))
    .map((file) => [file.slice(0, -".sql".length), readFileSync(new URL(file, FOLDER), "utf8")]),
);

/** What differs between versions is in files `name.FIRST.sql`, for that major version and those after it. */
const MAJORS = [18, 17, 16, 15, 14, 13, 12];

/** As psql interpolates variables: `:"name"` as identifiers, `:'name'` as a literal, `:name` as a number. */
const VARIABLE = /(?<![:\w]):(?:"([a-z]+)"|'([a-z]+)'|([a-z]+))/g;

export type Values = Readonly<Record<string, string | number | readonly string[]>>;

/**
 * One of the gateway's own texts, from its `.sql` file, with values put in. What stands between `$$` is left as it is: a
 * quoted value could end it.
 * @param version the server's `server_version_num`
 */
export function statement(name: string, version: number, values: Values = {}): string {
  const major = MAJORS.find((first) => version >= first * 10_000 && texts.has(`${name}.${first}`));
  const text = texts.get(major === undefined ? name : `${name}.${major}`);
  if (text === undefined) throw new TypeError(`There is no statement ${name} for version ${version}.`);
  return text
    .split("$$")
    .map((part, index) => (index % 2 === 0 ? fill(part, values) : part))
    .join("$$");
}

function fill(text: string, values: Values): string {
  return text.replaceAll(VARIABLE, (all, identifier?: string, literal?: string, number?: string) => {
    const value = values[identifier ?? literal ?? number ?? ""];
    if (identifier !== undefined && typeof value === "string") return quoteIdentifier(value);
    if (identifier !== undefined && Array.isArray(value)) return value.map(quoteIdentifier).join(", ");
    if (literal !== undefined && typeof value === "string") return quoteLiteral(value);
    if (number !== undefined && Number.isSafeInteger(value)) return String(value);
    throw new TypeError(`The variable ${all} has no value that fits it.`);
  });
}

/** Each name that is cut off by PostgreSQL is another name: 63 bytes are what it keeps. */
const LONGEST_NAME = 63;

export function quoteIdentifier(name: string): string {
  if (name === "" || name.includes("\0") || Buffer.byteLength(name) > LONGEST_NAME) {
    throw new TypeError("What is no name can't be quoted as one.");
  }
  return `"${name.replaceAll('"', '""')}"`;
}

/** As PQescapeLiteral: right whatever `standard_conforming_strings` is. */
export function quoteLiteral(text: string): string {
  if (text.includes("\0")) throw new TypeError("PostgreSQL has no texts with a zero byte.");
  const doubled = text.replaceAll("'", "''");
  return doubled.includes("\\") ? ` E'${doubled.replaceAll("\\", "\\\\")}'` : `'${doubled}'`;
}
