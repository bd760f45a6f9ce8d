import { sampleSession } from "@gatehouse/testkit";
import t from "tap";
import { sessionParameters } from "../src/session-parameters.ts";
import { postgresLevelSettings, postgresSettings } from "../src/settings.ts";
import { readStartupParameters } from "../src/startup-parameters.ts";

const mint = { ttl: 900_000, ready: 2, share: "session" } as const;

/** @param level the keys of a level with users of its own; undefined is one that has a credential */
function begins(
  asked: Readonly<Record<string, string>>,
  level?: Readonly<Record<string, unknown>>,
  subject = "dana",
) {
  const target = postgresSettings.read({ database: "shop", schema: "Sales" }, "/");
  const own = postgresLevelSettings.read(level ?? {}, "/");
  if (!target.ok || !own.ok) throw new Error("not read");
  const session = {
    ...sampleSession,
    identity: { ...sampleSession.identity, subject },
    target: { ...sampleSession.target, settings: target.value },
    level: { ...sampleSession.level, settings: own.value, ...(level ? { credential: { mint } } : {}) },
  };
  const request = readStartupParameters(new Map(Object.entries({ user: "reader", ...asked })));
  return Object.fromEntries(sessionParameters({ session }, request));
}

t.test(
  "a session with the config's credential begins with what its client asked for, and no more",
  async (t) => {
    t.strictSame(begins({ application_name: "psql", DateStyle: "ISO" }), {
      database: "shop",
      search_path: '"Sales"',
      application_name: "psql",
      datestyle: "ISO",
    });
    t.match(begins({ replication: "database" }), { replication: "database" });
  },
);

t.test("one with a user of its own says who it is, and has what its level sets", async (t) => {
  const level = {
    memberOf: ["orders_read"],
    settings: {
      statement_timeout: "30s",
      default_transaction_read_only: true,
      row_security: "on",
      search_path: ["sales", "$user", 'a"b'],
    },
  };
  t.strictSame(begins({ application_name: "psql" }, level), {
    database: "shop",
    search_path: '"sales", "$user", "a""b"',
    statement_timeout: "30000ms",
    default_transaction_read_only: "on",
    row_security: "on",
    application_name: "dana via psql",
    "gatehouse.subject": "dana",
    tcp_keepalives_idle: "30",
    tcp_keepalives_interval: "10",
    tcp_keepalives_count: "3",
  });
  t.match(
    begins({ statement_timeout: "5s" }, level),
    { statement_timeout: "5s" },
    "a client may want less, or more",
  );
  t.match(begins({}, level), { application_name: "dana" });
});

t.test("a subject is one value, whatever is in it", async (t) => {
  const level = { memberOf: ["orders_read"] };
  const written = begins({ application_name: "psql" }, level, `a\0user\0postgres\n${"x".repeat(100)}`);
  t.match(written, { "gatehouse.subject": /^a\?user\?postgres\?x{100}$/ });
  t.match(written, { application_name: /^a\?user\?postgres\?x{24} via psql$/ });
});
