import t from "tap";
import { effectOfSetting } from "../src/analysis/settings.ts";
import {
  levelSettingsOf,
  mints,
  postgresLevelSettings,
  postgresSettings,
  settingsOf,
} from "../src/settings.ts";
import { readStartupParameters } from "../src/startup-parameters.ts";

t.test("a target that says no more than its database has the strict defaults", async (t) => {
  t.strictSame(postgresSettings.read({ database: "orders" }, "/"), {
    ok: true,
    value: {
      database: "orders",
      schema: "public",
      targetSessionAttrs: "any",
      requireAuth: ["scram-sha-256"],
      channelBinding: "prefer",
      estimate: "off",
      catalog: "read",
      owned: "drop",
    },
  });
  t.strictSame(postgresLevelSettings.read({}, "/"), {
    ok: true,
    value: { replication: false, setRole: false, settings: new Map() },
  });
});

t.test("a level has users of its own where it says what they are, and no others", async (t) => {
  const minted = (raw: unknown) => mints(levelSettingsOf({ settings: raw }));
  t.equal(minted({}), false);
  t.equal(minted({ memberOf: ["orders_read"] }), true);
  t.equal(minted({ grants: "policy" }), true);
});

t.test("no one but the gateway says who asks", async (t) => {
  for (const name of ["gatehouse.subject", "Gatehouse.Subject", "gatehouse.other"]) {
    t.match(effectOfSetting(name, "dba"), { unsupported: /Only the gateway sets gatehouse\./ }, name);
    const { refused } = readStartupParameters(new Map([[name, "dba"]]));
    t.match(refused, { message: /Only the gateway sets/ }, name);
  }
});

t.test("a value that is none of those that there are is a problem at its place", async (t) => {
  for (const [key, value] of [
    ["targetSessionAttrs", "readwrite"],
    ["requireAuth", []],
    ["requireAuth", "md5"],
    ["requireAuth", ["none"]],
    ["channelBinding", "allow"],
  ] as const) {
    const result = postgresSettings.read({ database: "orders", [key]: value }, "/");
    t.match(result, { ok: false, issues: [{ path: [key] }] });
  }
  t.match(postgresLevelSettings.read({ replication: "yes" }, "/"), {
    ok: false,
    issues: [{ path: ["replication"] }],
  });
});

t.test("settings are recognised as those that were read, and any others are checked", async (t) => {
  const read = postgresSettings.read({ database: "orders" }, "/");
  if (!read.ok) throw new Error("not read");
  t.equal(settingsOf({ settings: read.value }), read.value);
  t.strictSame(settingsOf({ settings: { database: "orders" } }), read.value);
  t.equal(levelSettingsOf({ settings: { replication: true } }).replication, true);
  for (const settings of [undefined, null, "orders", {}, { host: "web" }, []]) {
    t.throws(() => settingsOf({ settings }), TypeError);
  }
  t.throws(() => levelSettingsOf({ settings: read.value }), TypeError, "a target's are no level's");
});
