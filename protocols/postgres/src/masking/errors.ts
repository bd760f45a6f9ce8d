import { GatehouseError } from "@gatehouse/core";
import { ByteReader, ByteWriter } from "@gatehouse/wire";
import { frame } from "../codec/framing.ts";
import type { MaskText } from "@gatehouse/core";

/* What the server says of a statement that touches a masked column, without what may quote a value. */

/** Kept as they are: severity, SQLSTATE, position in the client's text, places in the server's source. */
const KEPT: ReadonlySet<string> = new Set(["S", "V", "C", "P", "F", "L", "R"]);
/** Names: schema, table, column, datatype, constraint. */
const NAMES: ReadonlySet<string> = new Set(["s", "t", "c", "d", "n"]);
/** Where PL/pgSQL's RAISE sets all fields as somebody's code says: none of them is the server's own. */
const RAISE = "exec_stmt_raise";

/** Classes whose messages are about the connection, the transaction or the server, and quote nothing. */
const WITHOUT_VALUES: ReadonlySet<string> = new Set(["08", "25", "40", "53", "57", "58"]);

/** What can be said instead, by the class of the SQLSTATE (Appendix A, "PostgreSQL Error Codes"). */
const BY_CLASS: ReadonlyMap<string, string> = new Map([
  ["01", "a warning"],
  ["02", "no data"],
  ["0A", "feature not supported"],
  ["21", "cardinality violation: a subquery gave more rows than it may"],
  ["22", "data exception: a value can't be what the statement makes of it"],
  ["23", "integrity constraint violation"],
  ["42", "syntax error or access rule violation"],
  ["44", "new row violates the check option of a view"],
  ["54", "program limit exceeded"],
  ["55", "object not in prerequisite state"],
  ["P0", "a function has raised an exception"],
]);

const HINT =
  "The server's own words are withheld: the statement touches masked columns, and they may quote a value.";

type Fields = ReadonlyMap<string, Buffer>;

/**
 * An ErrorResponse or NoticeResponse without what may quote a value. What the parser says of the client's own text
 * stays: it has read no row yet. It is known by its position in that text, which nothing that runs later has.
 *
 * @param letter "E" or "N"
 * @throws GatehouseError PROTOCOL_VIOLATION
 */
export function scrub(letter: "E" | "N", body: Buffer): Buffer {
  const fields = fieldsIn(body);
  const own = !fields.has("W") && !fields.has("q");
  const state = textOf(fields, "C");
  const raised = textOf(fields, "R") === RAISE;
  const words = own && !raised && (fields.has("P") || WITHOUT_VALUES.has(state.slice(0, 2)));
  const writer = new ByteWriter();
  const field = (kind: string, value: Buffer) => writer.uint8(kind.charCodeAt(0)).bytes(value).uint8(0);
  for (const [kind, value] of fields) {
    if (kind === "C" && raised) field(kind, Buffer.from("P0001"));
    else if (KEPT.has(kind) || (NAMES.has(kind) && own && !raised)) field(kind, value);
    else if ((kind === "M" || kind === "H") && words) field(kind, value);
  }
  if (!words) {
    field(
      "M",
      Buffer.concat(message(raised ? "P0001" : state, own && !raised ? fields : new Map<string, Buffer>())),
    );
    field("H", Buffer.from(HINT));
  }
  return frame(letter, writer.uint8(0).toBuffer());
}

/** The same with what detectors find in it hidden. */
export function detectIn(letter: "E" | "N", body: Buffer, find: MaskText): Buffer {
  const writer = new ByteWriter();
  for (const [kind, value] of fieldsIn(body)) {
    writer.uint8(kind.charCodeAt(0));
    const text = KEPT.has(kind) ? "" : value.toString("utf8");
    const found = text === "" ? "" : (find(text) ?? "");
    writer
      .bytes(found === text || text === "" ? value : Buffer.from(found.replaceAll("\0", ""), "utf8"))
      .uint8(0);
  }
  return frame(letter, writer.uint8(0).toBuffer());
}

function fieldsIn(body: Buffer): Fields {
  const reader = new ByteReader(body);
  const fields = new Map<string, Buffer>();
  for (let kind = reader.uint8(); kind !== 0; kind = reader.uint8()) {
    if (fields.has(String.fromCharCode(kind))) {
      throw new GatehouseError("PROTOCOL_VIOLATION", "The target sent an error that has a field twice.");
    }
    fields.set(String.fromCharCode(kind), reader.cstringBytes());
  }
  reader.end();
  return fields;
}

function textOf(fields: Fields, kind: string): string {
  return fields.get(kind)?.toString("latin1") ?? "";
}

/** In the server's words, where it would say nothing but names. */
function message(state: string, fields: Fields): Buffer[] {
  const constraint = named(fields, "n");
  const table = named(fields, "t");
  const column = named(fields, "c");
  const say = (...parts: readonly (string | Buffer)[]) =>
    parts.map((part) => (typeof part === "string" ? Buffer.from(part) : part));
  switch (state) {
    case "23502":
      if (column && table) {
        return say("null value in column ", column, " of relation ", table, " violates not-null constraint");
      }
      break;
    case "23503":
      if (constraint && table) {
        return say(
          "insert, update or delete on table ",
          table,
          " violates foreign key constraint ",
          constraint,
        );
      }
      break;
    case "23505":
      if (constraint) return say("duplicate key value violates unique constraint ", constraint);
      break;
    case "23514":
      if (constraint && table) {
        return say("new row for relation ", table, " violates check constraint ", constraint);
      }
      break;
    case "23P01":
      if (constraint) return say("conflicting key value violates exclusion constraint ", constraint);
      break;
    default:
  }
  return say(BY_CLASS.get(state.slice(0, 2)) ?? "the statement has failed");
}

function named(fields: Fields, kind: string): Buffer | undefined {
  const name = fields.get(kind);
  return name && Buffer.concat([Buffer.from('"'), name, Buffer.from('"')]);
}
