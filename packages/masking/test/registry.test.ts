import t from "tap";
import { detectorRegistry } from "../src/index.ts";

function registry(custom: Record<string, string> = {}) {
  const result = detectorRegistry(custom);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.registry;
}

function scanner(custom: Record<string, string>, ...names: readonly string[]) {
  const selection = registry(custom).select(names);
  if (!selection.ok) throw new Error(`no detector ${selection.unknown.join()}`);
  return selection.scanner;
}

t.test("detectors are selected by name and by group", async (t) => {
  t.same(scanner({}, "pii.email").detectors, ["pii.email"]);
  t.same(scanner({}, "pii.email", "pii.email", "secret.jwt").detectors, ["secret.jwt", "pii.email"]);
  const pii = scanner({ "pii.badge": "B-[0-9]{6}" }, "pii.*").detectors;
  t.ok(pii.includes("pii.card") && pii.includes("pii.badge") && !pii.includes("secret.jwt"));
});

t.test("a name that nothing has is told, so that no mask looks for nothing", async (t) => {
  t.same(registry().select(["pii.email", "pii.emial", "secrets.*", "*", ""]), {
    ok: false,
    unknown: ["pii.emial", "secrets.*", "*", ""],
  });
});

t.test("the same selection is compiled once", async (t) => {
  const one = registry();
  t.same(one.select(["pii.*"]), one.select(["pii.*"]));
  const [first, second] = [one.select(["pii.email", "pii.card"]), one.select(["pii.card", "pii.email"])];
  t.ok(first.ok && second.ok && first.scanner === second.scanner);
});

t.test("a pattern of the config hides its first group, or all that it matches", async (t) => {
  const mask = (pattern: string, text: string) =>
    scanner({ "custom.one": pattern }, "custom.one").mask(text, () => "***").text;
  t.equal(mask("B-[0-9]{6}", "badge B-123456, B-654321"), "badge ***, ***");
  t.equal(mask("(?i)badge: *([a-z0-9]+)", "Badge: x1y2"), "Badge: ***");
  t.equal(mask("a:(x)|b:(y)", "a:x b:y a:y"), "a:*** b:*** a:y");
  t.equal(mask(String.raw`\b`, "a b"), "a b", "where it matches a place there is nothing to hide");
});

t.test("what RE2 can't read is told with its name", async (t) => {
  const result = detectorRegistry({
    "custom.open": "(a",
    "custom.behind": "(?<=a)b",
    "custom.back": String.raw`(a)\1`,
    "custom.empty": "x*",
    "custom.large": "((a{100}){100}){5}",
    "custom.long": "x".repeat(1001),
    "pii.email": "x",
    "Custom.Name": "x",
    custom: "x",
    "custom.good": "x",
  });
  t.match(result, {
    ok: false,
    problems: [
      { name: "custom.open", message: /^not a pattern that RE2 can read: .*missing closing \)/ },
      { name: "custom.behind", message: /^not a pattern that RE2 can read: / },
      { name: "custom.back", message: /^not a pattern that RE2 can read: / },
      { name: "custom.empty", message: "the pattern matches the empty text, and so everywhere" },
      { name: "custom.large", message: /RE2 can read|repeats too much/ },
      { name: "custom.long", message: "the pattern has more than 1000 characters" },
      { name: "pii.email", message: "a detector of this name comes with Gatehouse" },
      { name: "Custom.Name", message: /^expected a name such as custom.badge/ },
      { name: "custom", message: /^expected a name such as custom.badge/ },
    ],
  });
});

t.test("there is an end to how many patterns a config can have", async (t) => {
  const many = Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`custom.p${i}`, "x"]));
  t.match(detectorRegistry(many), {
    ok: false,
    problems: [{ name: "custom.p100", message: "there are more than 100 patterns" }],
  });
});
