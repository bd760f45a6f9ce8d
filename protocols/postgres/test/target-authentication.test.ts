import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAuthority } from "@gatehouse/certs";
import { Secret } from "@gatehouse/core";
import { startPostgres } from "@gatehouse/testkit";
import pg from "pg";
import t, { type Test } from "tap";
import { frame, typeCode } from "../src/codec/framing.ts";
import { connectTarget } from "../src/target-connection.ts";
import { fakeServer, leaseOf, relayTo, type TargetOptions, targetAt } from "./support/target.ts";

const now = Date.now();
const names = ["localhost", "127.0.0.1"];
const authority = await createAuthority({ name: "target CA", now });
const pair = await authority.issue({ use: "server", commonName: "db", names, now });
const clients = await createAuthority({ name: "clients' CA", now });

// The server runs as another user, who has to read these.
const folder = await mkdtemp(join(tmpdir(), "gatehouse-target-"));
t.teardown(() => rm(folder, { recursive: true, force: true }));
await chmod(folder, 0o755);
const ca = join(folder, "ca.crt");
const clientsCa = join(folder, "clients.crt");
const hba = join(folder, "pg_hba.conf");
await writeFile(ca, authority.certificatePem);
await writeFile(clientsCa, clients.certificatePem);
await writeFile(
  hba,
  `hostssl all postgres  127.0.0.1/32 scram-sha-256
   host    all scram     127.0.0.1/32 scram-sha-256
   host    all old       127.0.0.1/32 md5
   host    all plain     127.0.0.1/32 password
   host    all anybody   127.0.0.1/32 trust
   hostssl all certified 127.0.0.1/32 cert
   hostssl all careful   127.0.0.1/32 scram-sha-256 clientcert=verify-full
`,
);

const server = await startPostgres({
  tls: { certificatePem: pair.certificatePem, keyPem: pair.key.reveal() },
  settings: { hba_file: hba, ssl_ca_file: clientsCa },
});
t.teardown(() => server.stop());
const admin = new pg.Client({
  host: "localhost",
  port: server.port,
  database: "postgres",
  ...server.superuser,
  ssl: { ca: authority.certificatePem },
});
await admin.connect();
for (const user of ["scram", "plain", "anybody", "certified", "careful"]) {
  await admin.query(`create role ${user} login password 'open sesame'`);
}
await admin.query("set password_encryption = md5");
await admin.query("create role old login password 'open sesame'");
await admin.end();

const here = { host: "127.0.0.1", port: server.port };
const verified = { tls: { mode: "verify-full", ca } } as const;
const password = new Secret("open sesame");

/** Logs in as this user, and out again. */
async function logIn(
  address: { readonly host: string; readonly port: number },
  user: string,
  options: TargetOptions,
  lease = leaseOf(user, password),
): Promise<void> {
  const parameters = new Map([["database", "postgres"]]);
  const connection = await connectTarget(targetAt([address], options), lease, parameters);
  connection.socket.destroy();
}

const unverified = (message: RegExp) => ({ code: "TARGET_UNVERIFIED", message });
const unauthenticated = (message: RegExp) => ({ code: "TARGET_AUTHENTICATION", message });

/** Ends the TLS of a client that trusts the authority, under a certificate that it issued: a key was stolen, say. */
async function standBetween(t: Test, change?: Parameters<typeof relayTo>[2]["change"]) {
  const certificate = await authority.issue({ use: "server", commonName: "mallory", names, now });
  const upstream = { certificate, ca: authority.certificatePem };
  return relayTo(t, here, change ? { ...upstream, change } : upstream);
}

/** Takes SCRAM-SHA-256-PLUS out of what the server offers. */
const hidePlus: Parameters<typeof relayTo>[2]["change"] = ({ type, body, bytes }) =>
  type === typeCode("R") && body.readInt32BE(0) === 10
    ? frame("R", Buffer.from("\0\0\0\x0aSCRAM-SHA-256\0\0", "latin1"))
    : bytes;

t.test("SCRAM is bound to the TLS connection, where that is wanted", async (t) => {
  for (const channelBinding of ["prefer", "require", "disable"] as const) {
    await t.resolves(logIn(here, "scram", { ...verified, channelBinding }), channelBinding);
  }
});

t.test("a log-in that is relayed is found out by the server, unless binding is disabled", async (t) => {
  const between = await standBetween(t);
  for (const channelBinding of ["prefer", "require"] as const) {
    await t.rejects(
      logIn(between, "scram", { ...verified, channelBinding }),
      unauthenticated(/SCRAM channel binding check failed/),
    );
  }
  await t.resolves(
    logIn(between, "scram", { ...verified, channelBinding: "disable" }),
    "the relay is a good one",
  );
});

t.test("taking the offer to bind away is found out, by the server or the gateway", async (t) => {
  const between = await standBetween(t, hidePlus);
  await t.rejects(logIn(between, "scram", { ...verified, channelBinding: "prefer" }), {
    message: /SCRAM channel binding negotiation error/,
  });
  await t.rejects(
    logIn(between, "scram", { ...verified, channelBinding: "require" }),
    unverified(/does not bind the log-in/),
  );
  await t.resolves(logIn(between, "scram", { ...verified, channelBinding: "disable" }));
});

t.test("an offer to bind where there is no TLS shows that somebody ends it", async (t) => {
  const between = await relayTo(t, here, { ca: authority.certificatePem });
  await t.rejects(logIn(between, "scram", {}), unverified(/somebody who ends its TLS/));
});

t.test("without TLS there is nothing to bind to", async (t) => {
  await t.resolves(logIn(here, "scram", {}));
  await t.rejects(
    logIn(here, "scram", { channelBinding: "require" }),
    unverified(/does not bind the log-in/),
  );
});

t.test("md5 is answered where the config lists it, and only there", async (t) => {
  await t.rejects(logIn(here, "old", verified), unauthenticated(/asks for md5, and not for scram-sha-256/));
  const listed = { ...verified, requireAuth: ["scram-sha-256", "md5"] } as const;
  await t.resolves(logIn(here, "old", listed));
  await t.resolves(logIn(here, "scram", listed), "and SCRAM still is");
  await t.rejects(
    logIn(here, "old", listed, leaseOf("old", new Secret("wrong"))),
    unauthenticated(/password authentication failed/),
  );
  await t.rejects(logIn(here, "old", { ...listed, channelBinding: "require" }), unverified(/does not bind/));
  await t.rejects(
    logIn(here, "scram", { ...verified, requireAuth: ["md5"] }),
    unauthenticated(/asks for scram-sha-256, and not for md5/),
  );
});

t.test(
  "the password itself is sent where the config lists it, to a server that has proved its name",
  async (t) => {
    await t.rejects(logIn(here, "plain", verified), unauthenticated(/asks for password, and not for scram/));
    const requireAuth = ["password"] as const;
    await t.resolves(logIn(here, "plain", { ...verified, requireAuth }));
    for (const tls of [{ mode: "off" }, { mode: "verify-ca", ca }] as const) {
      await t.rejects(
        logIn(here, "plain", { tls, requireAuth }),
        unauthenticated(/over verified TLS only/),
        tls.mode,
      );
    }
  },
);

t.test("a client certificate lets the gateway in, by itself or beside a password", async (t) => {
  const certificate = (commonName: string) => clients.issue({ use: "client", commonName, names: [], now });
  const certified = leaseOf("certified", undefined, await certificate("certified"));
  await t.resolves(logIn(here, "certified", verified, certified));
  await t.resolves(logIn(here, "certified", { tls: { mode: "verify-ca", ca } }, certified));
  await t.rejects(
    logIn(here, "certified", { ...verified, channelBinding: "require" }, certified),
    unverified(/does not bind/),
  );
  await t.rejects(
    logIn(here, "certified", verified),
    unauthenticated(/connection requires a valid client certificate/),
  );
  await t.rejects(
    logIn(here, "certified", verified, leaseOf("certified", undefined, await certificate("other"))),
    unauthenticated(/certificate authentication failed/),
  );

  const both = await certificate("careful");
  await t.resolves(logIn(here, "careful", verified, leaseOf("careful", password, both)));
  await t.rejects(
    logIn(here, "careful", verified, leaseOf("careful", undefined, both)),
    unauthenticated(/asks for a password, and its credential has none/),
  );
});

t.test("a certificate that the target's authority did not issue is refused, and why is told", async (t) => {
  const strange = await authority.issue({ use: "client", commonName: "certified", names: [], now });
  await t.rejects(logIn(here, "certified", verified, leaseOf("certified", undefined, strange)), {
    code: "TARGET_AUTHENTICATION",
    message: /^The target ended TLS: [a-z0-9 ]*unknown ca\.$/,
  });
  const { key } = await clients.issue({ use: "client", commonName: "certified", names: [], now });
  await t.rejects(logIn(here, "certified", verified, leaseOf("certified", undefined, { ...strange, key })), {
    code: "CERTIFICATE_INVALID",
  });
});

t.test("a target that lets the gateway in without asking has to have seen its certificate", async (t) => {
  await t.rejects(logIn(here, "anybody", verified), unauthenticated(/without asking/));
  const certificate = await clients.issue({ use: "client", commonName: "anybody", names: [], now });
  const lease = leaseOf("anybody", undefined, certificate);
  await t.resolves(logIn(here, "anybody", verified, lease));
  await t.rejects(
    logIn(here, "anybody", {}, lease),
    unauthenticated(/without asking/),
    "no TLS, nothing seen",
  );
});

/** Authentication messages: a code, and what goes with it. */
const ask = (code: number, data = "") =>
  frame("R", Buffer.concat([Buffer.from([0, 0, 0, code]), Buffer.from(data, "latin1")]));

t.test("steps that are out of turn end the log-in", async (t) => {
  for (const messages of [
    [ask(11, "r=x")],
    [ask(12, "v=x")],
    [ask(10, "SCRAM-SHA-256\0\0"), ask(0)],
    [ask(10, "SCRAM-SHA-256\0\0"), ask(12, "v=x")],
    [ask(10, "SCRAM-SHA-256\0\0"), ask(10, "SCRAM-SHA-256\0\0")],
    [ask(5, "salt"), ask(5, "salt")],
    [ask(5, "salt"), ask(10, "SCRAM-SHA-256\0\0")],
    [ask(5, "salt"), ask(0), ask(0)],
    [frame("Z", Buffer.from("I"))],
    [frame("K", Buffer.alloc(8))],
    [frame("D", Buffer.alloc(2))],
  ]) {
    const fake = await fakeServer(t, (socket) =>
      socket.once("data", () => socket.write(Buffer.concat(messages))),
    );
    await t.rejects(logIn(fake, "scram", { requireAuth: ["scram-sha-256", "md5"] }), {
      code: "PROTOCOL_VIOLATION",
    });
  }
});

t.test("a target that does not know the verifier is not taken for the target", async (t) => {
  const fake = await fakeServer(t, (socket) => {
    socket.once("data", () => {
      socket.write(ask(10, "SCRAM-SHA-256\0\0"));
      socket.once("data", (first: Buffer) => {
        const nonce = /r=(.*)$/.exec(first.toString("latin1"))?.[1] ?? "";
        socket.write(ask(11, `r=${nonce}x,s=c2FsdA==,i=4096`));
        socket.once("data", () => {
          const signature = Buffer.alloc(32).toString("base64");
          socket.write(Buffer.concat([ask(12, `v=${signature}`), ask(0), frame("Z", Buffer.from("I"))]));
        });
      });
    });
  });
  await t.rejects(logIn(fake, "scram", {}), unauthenticated(/SCRAM exchange is not right/));
});

t.test("the user is the lease's, whatever the other parameters say", async (t) => {
  const heard: Buffer[] = [];
  const fake = await fakeServer(t, (socket) => {
    socket.on("data", (chunk: Buffer) => {
      heard.push(chunk);
      socket.write(ask(7));
    });
  });
  const parameters = new Map([
    ["database", "orders"],
    ["user", "postgres"],
  ]);
  await t.rejects(connectTarget(targetAt([fake]), leaseOf("scram", password), parameters), {
    message: /authentication of kind 7/,
  });
  const sent = Buffer.concat(heard).toString("latin1");
  t.match(sent, "user\0scram\0");
  t.match(sent, "database\0orders\0");
  t.notMatch(sent, "postgres");
});
