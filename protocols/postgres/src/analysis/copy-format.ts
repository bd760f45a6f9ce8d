import { asList, asNode, asText, constantText, type Node } from "./node.ts";

/** How a COPY to the client writes its rows ("COPY", Parameters). */
export type CopyFormat =
  | { readonly kind: "binary" }
  | {
      readonly kind: "text" | "csv";
      /** One character of ASCII, as are `quote` and `escape`. */
      readonly delimiter: string;
      /** What stands for NULL. */
      readonly null: string;
      /** The first line has the names of the columns. */
      readonly header: boolean;
      readonly quote: string;
      readonly escape: string;
    }
  /** An option that is not known here, or that changes how the bytes are to be read: in words for a person. */
  | { readonly kind: "unknown"; readonly option: string };

/** Options that change nothing in how a row is taken apart. */
const OF_NO_MATTER: ReadonlySet<string> = new Set(["force_quote", "freeze"]);

/** @param body of a CopyStmt that sends rows to the client */
export function copyFormat(body: Node): CopyFormat {
  const given = new Map<string, string>();
  for (const option of asList(body["options"])) {
    const element = asNode(asNode(option)?.["DefElem"]);
    const name = asText(element?.["defname"]) ?? "";
    if (OF_NO_MATTER.has(name)) continue;
    const value = element?.["arg"] === undefined ? "true" : optionText(element["arg"]);
    if (value === undefined) return { kind: "unknown", option: name };
    given.set(name, value);
  }
  const {
    format = "text",
    delimiter,
    null: nothing,
    header = "false",
    quote = '"',
    escape: escaping = quote,
    ...other
  } = Object.fromEntries(given);
  const [unknown] = Object.keys(other);
  if (unknown !== undefined) return { kind: "unknown", option: unknown };
  if (format === "binary") return { kind: "binary" };
  if (format !== "text" && format !== "csv") return { kind: "unknown", option: `format ${format}` };
  const hasHeader = booleanOf(header);
  if (hasHeader === undefined) return { kind: "unknown", option: "header" };
  const lines = {
    kind: format,
    delimiter: delimiter ?? (format === "csv" ? "," : "\t"),
    null: nothing ?? (format === "csv" ? "" : "\\N"),
    header: hasHeader,
    quote,
    escape: escaping,
  } as const;
  for (const option of ["delimiter", "quote", "escape"] as const) {
    if (!/^[\t -~]$/.test(lines[option])) return { kind: "unknown", option };
  }
  // Of others, the bytes are the session's encoding's.
  if (!/^[ -~]*$/.test(lines.null)) return { kind: "unknown", option: "null" };
  return lines;
}

function optionText(argument: unknown): string | undefined {
  const boolean = asNode(asNode(argument)?.["Boolean"]);
  if (boolean) return String(boolean["boolval"] === true);
  const integer = asNode(asNode(argument)?.["Integer"]);
  if (integer) return typeof integer["ival"] === "number" ? String(integer["ival"]) : "0";
  return constantText(argument);
}

/** As defGetBoolean reads it. */
function booleanOf(value: string): boolean | undefined {
  if (/^(true|on|1)$/i.test(value)) return true;
  return /^(false|off|0)$/i.test(value) ? false : undefined;
}
