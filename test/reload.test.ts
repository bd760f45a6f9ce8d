import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "node:tls";
import { createAuthority, writePair } from "@gatehouse/certs";
import pg from "pg";
import t from "tap";
import {
  auditLines,
  connected,
  demoFor,
  ending,
  eventually,
  refusal,
  refusedLogin,
  stateOf,
} from "./environment.ts";
import { rawConnection, SSL_REQUEST } from "./raw.ts";

const demo = await demoFor(t);
const port = Number(demo.variables["PGPORT"]);
const policyFile = join(demo.folder, "policies", "analysts.yaml");
const configFile = join(demo.folder, "gatehouse.yaml");
const originals = new Map<string, string>();
for (const name of [
  "gatehouse.yaml",
  "analysts.yaml",
  "operators.yaml",
  "people.yaml",
  "personal-data.yaml",
]) {
  const path = name === "gatehouse.yaml" ? configFile : join(demo.folder, "policies", name);
  originals.set(path, await readFile(path, "utf8"));
}
const original = originals.get(policyFile) ?? "";

t.afterEach(async () => {
  for (const [path, text] of originals) await writeFile(path, text);
  await demo.gateway.reload();
});

t.test("new policies decide the next command of sessions that are open", async (t) => {
  const client = await connected(t, demo);
  await client.query({ name: "known", text: "select count(*) from payments" });
  await writeFile(
    policyFile,
    `${original}  - block: payments\n    when: '"public.payments" in sql.reads'\n    message: Payments are closed today.\n`,
  );
  t.same(await demo.gateway.reload(), []);
  const closed = { code: "42501", message: "Payments are closed today." };
  t.match(await refusal(client.query("select count(*) from payments")), closed);
  t.match(
    await refusal(client.query({ name: "known", text: "select count(*) from payments" })),
    closed,
    "one that was prepared before is decided anew as well",
  );
  t.same((await client.query("select 1 as n")).rows, [{ n: 1 }]);
  const versions = (await auditLines(stateOf(demo))).flatMap((line) =>
    line.type === "command" ? [line.decision.policyVersion] : [],
  );
  t.equal(versions.at(-1), demo.gateway.configuration.policies.version);
  t.not(versions.at(-1), versions[0]);
});

t.test("a policy with an error is not loaded: the old one goes on deciding", async (t) => {
  const client = await connected(t, demo);
  await writeFile(policyFile, original.replaceAll("sql.access", "sql.acess"));
  t.ok((await demo.gateway.reload()).length > 0);
  t.same((await client.query("select 1 as n")).rows, [{ n: 1 }]);
  t.match(await refusal(client.query("drop table orders")), {
    message: "Schema changes go through migrations.",
  });
  t.same((await (await connected(t, demo)).query("select 1 as n")).rows, [{ n: 1 }]);
  t.ok((await auditLines(stateOf(demo))).some(({ type }) => type === "config.rejected"));
});

t.test(
  "a target that leaves the config takes no new sessions; the one that is open keeps its own",
  async (t) => {
    const client = await connected(t, demo);
    for (const [path, text] of originals) {
      await writeFile(
        path,
        text.replace("targets: [orders]", "targets: [sales]").replace("\n  orders:\n", "\n  sales:\n"),
      );
    }
    t.same(await demo.gateway.reload(), []);
    t.match(await refusedLogin(demo, {}), { code: "3D000" });
    t.same((await (await connected(t, demo, { database: "sales" })).query("select 1 as n")).rows, [{ n: 1 }]);
    t.match(await refusal(client.query("select 1 as n")), { code: "42501" }, "for which no rule is left");
  },
);

/** The fingerprint of the certificate that a new connection is shown. */
async function fingerprint(): Promise<string> {
  const socket = await rawConnection(port, SSL_REQUEST);
  await once(socket, "data");
  // Who the server is is what this finds out.
  const secured = connect({ socket, rejectUnauthorized: false });
  await once(secured, "secureConnect");
  const { fingerprint256 } = secured.getPeerCertificate();
  secured.destroy();
  return fingerprint256;
}

t.test("certificates replaced on disk reach new connections; a session that is open goes on", async (t) => {
  const before = await fingerprint();
  const client = await connected(t, demo);
  await client.query("begin");
  let ended = false;
  void ending(client).then(() => {
    ended = true;
  });

  const now = Date.now();
  const authority = await createAuthority({ name: "Renewed CA", now });
  const pair = await authority.issue({ use: "server", commonName: "gateway", names: ["localhost"], now });
  await writePair(join(demo.folder, "certs"), "gateway", pair);
  await eventually(async () => (await fingerprint()) !== before);

  t.same((await client.query("select 1 as n")).rows, [{ n: 1 }]);
  await client.query("commit");
  t.notOk(ended);

  const way = {
    host: "localhost",
    port,
    user: "reader",
    database: "orders",
    password: demo.variables["AGENT_TOKEN"] ?? "",
  };
  const fresh = new pg.Client({ ...way, ssl: { ca: authority.certificatePem } });
  await fresh.connect();
  t.same((await fresh.query("select 2 as n")).rows, [{ n: 2 }]);
  await fresh.end();
  const stale = new pg.Client({
    ...way,
    ssl: { ca: await readFile(demo.variables["PGSSLROOTCERT"] ?? "", "utf8") },
  });
  stale.on("error", () => undefined);
  await t.rejects(stale.connect(), { code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" });
});
