import t from "tap";
import { DOES_NOTHING } from "../src/analysis/analysis.ts";
import { toCommand } from "../src/commands.ts";
import { fingerprintOf, outlineOf } from "../src/fingerprint.ts";

const fingerprint = (of: "command" | "shape", text: string, runs?: readonly string[]) =>
  fingerprintOf(of, text, DOES_NOTHING, { parameters: [], columns: undefined, runs });

const alike = (of: "command" | "shape", one: string, other: string) =>
  fingerprint(of, one) === fingerprint(of, other);

t.test("one shape has the same text but for values and comments", async (t) => {
  t.ok(alike("shape", "delete from a where b = 1", " delete from a where b = 23 /* why */ "));
  t.ok(alike("shape", `delete from "--" where b = 1 -- x`, `delete from "--" where b = 2`));
  t.notOk(alike("shape", `delete from "--" where b = 1`, `delete from "--" where c = 1`));
  t.notOk(alike("shape", `delete from "/*" where b = c /**/`, `delete from "/*" where c = b /**/`));
  for (const space of ["\u00a0", "\ufeff", "\u2028", "\u3000"])
    t.notOk(
      alike("shape", "delete from a where b = c", `delete from a where b = c${space}`),
      "part of the name",
    );
});

t.test("one command has the same text", async (t) => {
  const text = "delete from a where b = 'é'";
  for (const other of [
    text.normalize("NFD"),
    `${text} `,
    text.toUpperCase(),
    `${text}--`,
    text.replace(" a", " ａ"),
  ])
    t.notOk(alike("command", text, other), other);
  t.notOk(alike("command", text, fingerprint("shape", text)));
  t.not(fingerprint("command", text, ["a", "b"]), fingerprint("command", text, ["b", "a"]));
  t.not(fingerprint("command", text, ["a", "b"]), fingerprint("command", text, ["a,b"]));
});

t.test("an outline has no value, wherever it stands", async (t) => {
  for (const text of [
    "select 'secret', 5, $1 from a",
    "select 1 -- secret\n from a",
    "select 1 /* secret */ from a",
    'select "--" /* a\n secret */ from a',
    'select "/*", 1 /* secret */ from a',
    'select "*/", 1 -- "\n, 2 /* " secret */',
    "select 1 /* ' */, 'secret' /* ' */",
  ])
    t.notMatch(outlineOf(text) ?? "none", "secret", text);
  for (const text of [
    "select E'secret'",
    "select $$secret$$",
    "select $a$secret$a$",
    "select 1 /* /* */ secret */",
    "select 'secret",
  ])
    t.equal(outlineOf(text), undefined, text);
  t.equal(
    outlineOf("delete from \"a--b\" where c = 'x'"),
    "delete from \"a--b\" where c = '…'",
    "a name stays whole",
  );
});

t.test("much space in a text costs no more than it is long", async (t) => {
  t.equal(outlineOf(`select ${" ".repeat(60_000)} 1`)?.length, 60_000 + 9);
  t.ok(fingerprint("shape", `select ${" ".repeat(1_000_000)} 1`));
});

t.test("nobody is asked about a command that runs more by name than anybody reads", async (t) => {
  const runs = (length: number) =>
    toCommand("query", "execute a", DOES_NOTHING, {
      ...{ parameters: [], parameterTypes: [], decode: () => undefined },
      runs: ["x".repeat(length), "y"],
    }).fingerprint;
  t.type(runs(1000), "function");
  t.equal(runs(256 * 1024), undefined);
});
