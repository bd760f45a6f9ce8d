import { readFileSync } from "node:fs";
import { parseYaml } from "@gatehouse/documents";
import t from "tap";
import { detectorRegistry } from "../src/index.ts";

const page = readFileSync(new URL("../../../docs/policies.md", import.meta.url), "utf8");

t.test("the documentation names every detector that comes with Gatehouse, and no other", async (t) => {
  const rows = page.matchAll(/^\| `(secret|pii)` +\|(.*)\|$/gm);
  const named = [...rows].flatMap(([, group, list = ""]) =>
    [...list.matchAll(/`(\w+)`/g)].map(([, name]) => `${group}.${name}`),
  );
  const registry = detectorRegistry();
  t.same(named.sort(), registry.ok && registry.registry.names.toSorted());
});

t.test("the documentation's patterns can be used", async (t) => {
  const [, text = ""] = /```yml\n(detectors:.*?)```/s.exec(page) ?? [];
  const parsed = parseYaml(text, "docs");
  t.match(parsed.ok && parsed.document.value, { detectors: { "custom.badge": String } });
  const { detectors } = (parsed.ok ? parsed.document.value : {}) as { detectors: Record<string, string> };
  t.match(detectorRegistry(detectors), { ok: true });
});
