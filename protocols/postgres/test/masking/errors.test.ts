import t from "tap";
import { decodeErrorResponse } from "../../src/codec/error-response.ts";
import { frame } from "../../src/codec/framing.ts";
import { detectIn, scrub } from "../../src/masking/errors.ts";

function body(fields: Readonly<Record<string, string>>): Buffer {
  const text = Object.entries(fields).map(([kind, value]) => `${kind}${value}\0`);
  return Buffer.from(`${text.join("")}\0`);
}

function scrubbed(fields: Readonly<Record<string, string>>) {
  return Object.fromEntries(
    decodeErrorResponse(scrub("E", body({ S: "ERROR", V: "ERROR", ...fields })).subarray(5)),
  );
}

const VALUE = "ann@example.org";

t.test("what the server knows by name is said again, without the values", async (t) => {
  const unique = scrubbed({
    C: "23505",
    M: 'duplicate key value violates unique constraint "customers_email_key"',
    D: `Key (email)=(${VALUE}) already exists.`,
    s: "public",
    t: "customers",
    n: "customers_email_key",
    R: "_bt_check_unique",
  });
  t.match(unique, {
    S: "ERROR",
    C: "23505",
    M: 'duplicate key value violates unique constraint "customers_email_key"',
    t: "customers",
    n: "customers_email_key",
    H: /withheld/,
  });
  t.notOk("D" in unique);
  t.equal(
    scrubbed({ C: "23502", M: VALUE, c: "a", t: "b" })["M"],
    'null value in column "a" of relation "b" violates not-null constraint',
  );
  t.equal(
    scrubbed({ C: "23503", M: VALUE, t: "b", n: "f" })["M"],
    'insert, update or delete on table "b" violates foreign key constraint "f"',
  );
  t.equal(
    scrubbed({ C: "23514", M: VALUE, t: "b", n: "f" })["M"],
    'new row for relation "b" violates check constraint "f"',
  );
  t.equal(
    scrubbed({ C: "23P01", M: VALUE, n: "f" })["M"],
    'conflicting key value violates exclusion constraint "f"',
  );
});

t.test("no field carries a value", async (t) => {
  for (const state of ["22P02", "23505", "42P01", "P0001", "XX000", "99999", "57014", ""]) {
    for (const context of [
      {},
      { W: VALUE },
      { q: VALUE, p: "1" },
      { W: "x", P: "3" },
      { R: "exec_stmt_raise" },
    ]) {
      const fields = { C: state, M: VALUE, D: VALUE, H: VALUE, X: VALUE, ...context };
      // Of itself, a class that quotes nothing keeps its words.
      if (state === "57014" && Object.keys(context).length === 0) continue;
      t.notMatch(JSON.stringify(scrubbed(fields)), VALUE, JSON.stringify(fields));
    }
  }
});

t.test("a function that raises sets no field", async (t) => {
  const raised = scrubbed({
    C: VALUE.slice(0, 5),
    M: VALUE,
    t: VALUE,
    c: VALUE,
    n: VALUE,
    d: VALUE,
    s: VALUE,
    R: "exec_stmt_raise",
    W: "PL/pgSQL",
  });
  t.equal(raised["C"], "P0001");
  t.notMatch(JSON.stringify(raised), "ann");
});

t.test("what the parser says of the client's own text stays", async (t) => {
  const fields = { C: "42703", M: 'column "emial" does not exist', H: "Perhaps you meant email.", P: "8" };
  t.match(scrubbed(fields), fields);
  t.notMatch(
    scrubbed({ ...fields, q: "select", p: "8" }),
    { M: /emial/ },
    "inside of a function it is not the client's",
  );
});

t.test("a cancel says what it is", async (t) => {
  t.match(scrubbed({ C: "57014", M: "canceling statement due to user request" }), { M: /user request/ });
});

t.test("a notice stays a notice", async (t) => {
  const notice = scrub(
    "N",
    body({ S: "NOTICE", V: "NOTICE", C: "00000", M: VALUE, R: "exec_stmt_raise", W: "x" }),
  );
  t.equal(notice.toString("latin1", 0, 1), "N");
  t.equal(decodeErrorResponse(notice.subarray(5)).get("V"), "NOTICE");
  t.notMatch(notice.toString(), VALUE);
});

t.test("a field that comes twice is refused: two readers would read two errors", async (t) => {
  t.throws(() => scrub("E", Buffer.from("Ma\0Mb\0\0")), { code: "PROTOCOL_VIOLATION" });
});

t.test("what detectors find is hidden in every text", async (t) => {
  const find = (text: string) => text.replaceAll(VALUE, "[found]");
  const out = detectIn("E", body({ C: "22P02", M: `bad: ${VALUE}`, D: VALUE, R: "x" }), find);
  t.strictSame(out, frame("E", body({ C: "22P02", M: "bad: [found]", D: "[found]", R: "x" })));
});
