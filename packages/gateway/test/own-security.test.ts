import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { generatePrivateKey, writePrivateKey } from "@gatehouse/openssh";
import { createMemoryLog } from "@gatehouse/testkit";
import t, { type Test } from "tap";
import { checkTargets, Gateway, loadConfiguration, loadProtocols, type WayCheck } from "../src/index.ts";
import { type Courier, courier, send } from "./courier.ts";
import { auditEvents, type Environment, environment } from "./environment.ts";

const authority = generatePrivateKey("ssh-ed25519");
const key = generatePrivateKey("ecdsa-sha2-nistp256");

const RIDERS = `policy: riders
who: { groups: [crew-analyst] }
targets: [web, files]
rules:
  - allow: letters
    when: courier.parcel == "letter"
`;

const TARGETS = `  web:
    protocol: courier
    address: [web.internal:22, "unix:/run/web"]
    seal: web.seal
    credential: { authority: file:secrets/authority }
    levels:
      deploy: {}
      keyed: { credential: { key: file:secrets/key } }
  files:
    protocol: courier
    address: files.internal:22
    credential: { authority: file:secrets/missing }
    levels: { deploy: {} }
`;

/** A gateway's config with a protocol of that kind beside PostgreSQL. */
async function withCourier(t: Test): Promise<Environment & Courier> {
  const env = await environment(t, {
    listener: "{ address: 127.0.0.1:0 }\n  courier: { address: 127.0.0.1:0, seal: own.seal }",
    targets: TARGETS,
  });
  const secrets = join(env.folder, "secrets");
  await writeFile(join(secrets, "authority"), writePrivateKey(authority, "targets").reveal());
  await writeFile(join(secrets, "key"), writePrivateKey(key, "web").reveal());
  await writeFile(join(env.folder, "policies", "riders.yaml"), RIDERS);
  return { ...env, ...courier(authority.publicKey) };
}

async function started(t: Test, env: Environment & Courier): Promise<Gateway> {
  const gateway = await Gateway.start({ ...env, protocols: [...loadProtocols(), env.protocol] });
  t.teardown(() => gateway.stop("test ended"));
  return gateway;
}

t.test("its listener has settings and a folder of its own", async (t) => {
  const env = await withCourier(t);
  await started(t, env);
  t.equal(env.served.length, 1);
  t.match(env.served[0], {
    settings: { seal: join(env.folder, "own.seal") },
    plaintext: false,
    folder: join(env.folder, "state", "courier"),
  });
});

t.test("a session has a certificate of its own, which its opening names on the audit log", async (t) => {
  const env = await withCourier(t);
  const gateway = await started(t, env);
  const address = gateway.address("courier");
  if (!address) throw new Error("there is no listener");
  const token = await env.provider.token("crew-analyst");
  t.equal(await send(address, { token, target: "web", level: "deploy" }), "let in as rider-deploy");
  t.equal(await send(address, { token, target: "web", level: "keyed" }), "let in as rider-keyed");
  t.match(await send(address, { token, target: "files", level: "deploy" }), /can't let anybody in now/);
  t.match(
    await send(address, { token, target: "orders", level: "reader" }),
    /does not exist, or is not yours/,
  );
  const [certified, keyed, failed] = (await auditEvents(env.folder)).filter(({ type }) =>
    /^(session\.opened|login\.failed)$/.test(type),
  );
  if (certified?.type !== "session.opened") throw new Error("nobody was let in");
  t.match(certified, {
    user: "rider-deploy",
    certificate: { serial: /^[0-9]+$/, keyId: `crew-analyst ${certified.session}` },
  });
  t.match(keyed, { type: "session.opened", user: "rider-keyed" });
  t.notOk(keyed && "certificate" in keyed);
  t.match(failed, { type: "login.failed", reason: /^SECRET_UNAVAILABLE: .*missing/ });
});

t.test("each way into its targets can be tried, as a session would go", async (t) => {
  const env = await withCourier(t);
  const protocols = [...loadProtocols(), env.protocol];
  t.teardown(() => Promise.all(protocols.map((protocol) => protocol.dispose())));
  const loaded = await loadConfiguration(env.configFile, protocols, () => undefined);
  if (!loaded.ok) throw new Error(loaded.problems.map(({ message }) => message).join("\n"));
  const ways: WayCheck[] = [];
  for await (const way of checkTargets(loaded.configuration, [env.protocol], createMemoryLog()))
    ways.push(way);
  t.match(ways, [
    { target: "web", level: "deploy", user: "rider-deploy", minted: false, problems: [] },
    { target: "web", level: "keyed", user: "rider-keyed", minted: false, problems: [] },
    { target: "files", level: "deploy", minted: false, problems: [{ message: /missing does not exist/ }] },
  ]);
  t.match(env.arrived, [
    { user: "rider-deploy", authority: authority.publicKey.fingerprint, keyId: /^gatehouse check ses_/ },
    { user: "rider-keyed", key: key.publicKey.fingerprint },
  ]);
});

t.test("who asks for a target's own place is led to the listener of its protocol", async (t) => {
  const env = await withCourier(t);
  const gateway = await started(t, env);
  const doorTo = env.served[0]?.doorTo;
  const own = { host: "127.0.0.1", port: gateway.port("courier") };
  t.same(doorTo?.("web.internal", 22), own);
  t.same(doorTo?.("files", 22), own);
  t.same(
    doorTo?.("127.0.0.1", 1),
    { host: "127.0.0.1", port: gateway.port("postgres") },
    "another protocol's",
  );
  t.equal(doorTo?.("web.internal", 80), undefined);
  t.equal(doorTo?.("elsewhere.internal", 22), undefined);
});

t.test("other settings of a listener wait for the next start, and that is said", async (t) => {
  const env = await withCourier(t);
  const gateway = await started(t, env);
  const text = await readFile(env.configFile, "utf8");
  await writeFile(env.configFile, text.replace("own.seal", "other.seal"));
  t.same(await gateway.reload(), []);
  t.match(
    env.log.entries.filter(({ level }) => level === "warn"),
    [{ fields: { keys: ["listeners"] }, message: "these keys take effect at the next start" }],
  );
});
