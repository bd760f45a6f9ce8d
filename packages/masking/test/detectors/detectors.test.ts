import t from "tap";
import { detectorRegistry, type Scanner } from "../../src/index.ts";
import { samples } from "./samples.ts";

function scanner(...names: readonly string[]): Scanner {
  const result = detectorRegistry();
  if (!result.ok) throw new Error("the built-in detectors don't load");
  const selection = result.registry.select(names);
  if (!selection.ok) throw new Error(`no detector ${selection.unknown.join()}`);
  return selection.scanner;
}

/** What must not be left of a value that was found: all of it, or its password where the rest is no secret. */
function secretsOf(name: string, value: string): readonly string[] {
  if (name !== "secret.connection_string")
    return [value.replace(/^.*(?:[:=] ?"?|services\/|sig=)(?=[A-Za-z0-9])/, "")];
  return ["hunter", "p%40ss", "p@ss", "aHVudGVyMg"].filter((secret) => value.includes(secret));
}

t.test("each detector has samples, and the other way round", async (t) => {
  t.same(Object.keys(samples).sort(), [...scanner("secret.*", "pii.*").detectors].sort());
});

for (const [name, { found, left }] of Object.entries(samples)) {
  t.test(`${name} is found wherever it stands`, async (t) => {
    const own = scanner(name);
    for (const value of found) {
      for (const [before, after] of [
        ["", ""],
        ["see ", " here"],
        ["(", " )"],
        ['{"x":"', '"}'],
        ["a,", " ,b"],
        ["x\n", "\ny"],
        ["\u2014", " \u2014"],
        ["y ".repeat(5000), " z".repeat(5000)],
      ]) {
        const { text, detectors } = own.mask(`${before}${value}${after}`, () => "***");
        t.same(detectors, [name], value.slice(0, 60));
        t.ok(
          text?.startsWith(before ?? "") === true && text.endsWith(after ?? ""),
          "what is beside it stays",
        );
        for (const secret of secretsOf(name, value))
          t.notOk(text?.includes(secret), text?.slice(0, 80) ?? "");
      }
    }
  });

  t.test(`${name} leaves what only looks like it`, async (t) => {
    const own = scanner(name);
    for (const value of left) {
      for (const text of [value, `see ${value} here`, `"${value}"`])
        t.same(own.find(text), [], text.slice(0, 60));
    }
  });
}

t.test("of a connection string all stays but the password", async (t) => {
  const mask = (text: string) => scanner("secret.connection_string").mask(text, () => "***").text;
  t.equal(mask("postgres://ada:hunter2@db:5432/orders"), "postgres://ada:***@db:5432/orders");
  t.equal(mask("host=db password=hunter2 user=ada"), "host=db password=*** user=ada");
  t.equal(mask("Server=db;Password=hunter 2;Uid=ada"), "Server=db;Password=***;Uid=ada");
});

t.test("a look-alike in front does not hide what it runs into", async (t) => {
  const found = (name: string, text: string) =>
    scanner(name)
      .find(text)
      .map(({ start, end }) => text.slice(start, end));
  t.same(found("pii.card", "2024 4111 1111 1111 1111"), ["4111 1111 1111 1111"]);
  t.same(found("pii.iban", "AB12 DE89 3704 0044 0532 0130 00 and more"), ["DE89 3704 0044 0532 0130 00"]);
  t.same(found("pii.us_ssn", "000 12 123-45-6789"), ["123-45-6789"]);
  t.same(found("pii.card", "card_4111111111111111_visa"), ["4111111111111111"]);
});

t.test("a key whose end was cut off is hidden as far as it goes", async (t) => {
  const [key = ""] = samples["secret.private_key"]?.found ?? [];
  const cut = key.replace(/\n-----END.*/, "");
  t.equal(scanner("secret.private_key").mask(`{"key":"${cut}"}`, () => "***").text, '{"key":"***"}');
});
