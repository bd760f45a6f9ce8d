import type { Mask } from "@gatehouse/core";
import { detectorRegistry } from "@gatehouse/masking";
import t from "tap";
import { openValueMasks } from "../src/value-masks.ts";

function registryOf(patterns: Readonly<Record<string, string>>) {
  const result = detectorRegistry(patterns);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.registry;
}

const badges: Mask = {
  rule: { policy: "p", rule: "badges", source: "p.yaml:1" },
  columns: [],
  detect: ["custom.badge"],
  with: { kind: "redact" },
  predicates: "refuse",
};

t.test(
  "detectors are those of the moment; where a mask's own are gone, nothing is left of a text",
  async (t) => {
    let detectors = registryOf({ "custom.badge": "B-[0-9]+" });
    const values = await openValueMasks(t.testdir(), () => detectors);
    t.equal(values.detectors([badges])("door B-7"), "door [redacted]");
    detectors = registryOf({ "custom.badge": "K-[0-9]+" });
    t.equal(values.detectors([badges])("door K-7"), "door [redacted]");
    detectors = registryOf({});
    t.equal(values.detectors([badges])("door K-7"), null);
  },
);

t.test("a text that comes in pieces goes by all of its masks, as they are at its beginning", async (t) => {
  let detectors = registryOf({ "custom.badge": "B-[0-9]+" });
  const values = await openValueMasks(t.testdir(), () => detectors);
  const cards: Mask = { ...badges, detect: ["pii.card"], with: { kind: "partial", of: "card" } };
  const columns: Mask = { ...badges, columns: ["public.customers.email"], detect: [] };
  const through = (masks: readonly Mask[], pieces: readonly string[]) => {
    const stream = values.stream(masks, { terminal: true });
    const out = pieces.flatMap((piece) => stream.write(Buffer.from(piece)));
    const pending = stream.pending;
    out.push(...stream.flush());
    return { text: Buffer.concat(out).toString(), pending, found: [...stream.found] };
  };
  t.same(through([badges, cards, columns], ["door B-", "7, card 4111 1111 ", "1111 1111\r\nb"]), {
    text: "door [redacted], card **** **** **** 1111\r\nb",
    pending: true,
    found: ["custom.badge", "pii.card"],
  });
  const words = values.stream([badges, cards], { terminal: false, keep: "beginnings" });
  t.equal(
    Buffer.concat([...words.write(Buffer.from("door B-7, card 41"))]).toString(),
    "door [redacted], card ",
  );
  t.same(through([], ["card"]), { text: "card", pending: false, found: [] });
  detectors = registryOf({});
  t.same(through([badges, cards], ["door B-7\r\n"]), { text: "", pending: false, found: [] });
});

t.test("something else may stand for what the detectors find, told by which", async (t) => {
  const detectors = registryOf({ "custom.badge": "B-[0-9]+" });
  const values = await openValueMasks(t.testdir(), () => detectors);
  const instead = (value: string, found: readonly string[]) => `<${value.length} ${found.join()}>`;
  const mask = values.detectors([badges, { ...badges, detect: ["pii.email"] }], instead);
  t.equal(mask("B-7, ann@example.com"), "<3 custom.badge>, <15 pii.email>");
});
