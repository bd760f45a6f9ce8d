import t from "tap";
import { z } from "zod";
import { filePath, remembered, settingsReader } from "../src/index.ts";

const reader = () =>
  settingsReader((folder) => z.strictObject({ hostKey: filePath(folder), port: z.int().default(22) }));

t.test("keys that name files are read relative to the folder of the file that has them", async (t) => {
  const settings = reader();
  t.same(settings.keys, ["hostKey", "port"]);
  t.match(settings.jsonSchema, { properties: { hostKey: { type: "string" }, port: { default: 22 } } });
  for (const folder of ["/etc/gatehouse", "/srv", "/etc/gatehouse"]) {
    t.same(settings.read({ hostKey: "file:host.key" }, folder), {
      ok: true,
      value: { hostKey: `${folder}/host.key`, port: 22 },
    });
  }
});

t.test("what was read is known again by its identity, and anything else is checked", async (t) => {
  const target = remembered(reader(), "telegraph");
  const read = target.reader.read({ hostKey: "file:host.key" }, "/etc");
  const value = read.ok ? read.value : undefined;
  t.equal(target.recall(value), value);
  t.same(target.recall({ hostKey: "file:/etc/host.key" }), value);
  t.throws(() => target.recall({ ...value }), { message: /another protocol .* the telegraph adapter/ });
  t.throws(() => target.recall(undefined), TypeError);
});
