import { once } from "node:events";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TLSSocket } from "node:tls";
import { createAuthority } from "@gatehouse/certs";
import { Secret, type TcpAddress } from "@gatehouse/core";
import { startPostgres } from "@gatehouse/testkit";
import t from "tap";
import { encodeAuthenticationOk } from "../src/codec/authentication.ts";
import { encodeBackendKeyData } from "../src/codec/backend-key-data.ts";
import { frame } from "../src/codec/framing.ts";
import { encodeNegotiateProtocolVersion } from "../src/codec/negotiate-protocol-version.ts";
import { encodeParameterStatus } from "../src/codec/parameter-status.ts";
import { encodeReadyForQuery } from "../src/codec/ready-for-query.ts";
import { connectTarget } from "../src/target-connection.ts";
import { fakeServer, leaseOf, type TargetOptions, targetAt } from "./support/target.ts";

const now = Date.now();
const authority = await createAuthority({ name: "target CA", now });
const other = await createAuthority({ name: "other CA", now });
const pair = await authority.issue({ use: "server", commonName: "db", names: ["localhost"], now });
const server = await startPostgres({
  tls: { certificatePem: pair.certificatePem, keyPem: pair.key.reveal() },
});
const folder = await mkdtemp(join(tmpdir(), "gatehouse-target-"));
t.teardown(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});
const ca = join(folder, "ca.crt");
const otherCa = join(folder, "other.crt");
await writeFile(ca, authority.certificatePem);
await writeFile(otherCa, other.certificatePem);

const here = { host: "localhost", port: server.port };
const verified = { mode: "verify-full", ca } as const;
const unverified = { code: "TARGET_UNVERIFIED", message: /did not prove who it is/ };

function connectTo(address: TcpAddress, options: TargetOptions, password = server.superuser.password) {
  const lease = leaseOf(server.superuser.user, new Secret(password));
  return connectTarget(targetAt([address], options), lease, new Map([["database", "postgres"]]));
}

async function logIn(...way: Parameters<typeof connectTo>): Promise<void> {
  (await connectTo(...way)).socket.destroy();
}

t.test(
  "a server that proves who it is, is used, by the newest TLS and as PostgreSQL's protocol",
  async (t) => {
    const { socket, parameters, key } = await connectTo(here, { tls: verified });
    const secured = socket instanceof TLSSocket ? socket : undefined;
    t.match(
      [secured?.getProtocol(), secured?.alpnProtocol, secured?.authorized],
      ["TLSv1.3", "postgresql", true],
    );
    t.match(new Map(parameters.map(({ name, value }) => [name, value])).get("server_version"), /^18/);
    t.equal(key?.secretKey.length, 4, "a key as protocol 3.0 has it");
    socket.destroy();
  },
);

t.test("a certificate of another authority, or for another name, is none", async (t) => {
  await t.rejects(logIn(here, { tls: { mode: "verify-full", ca: otherCa } }), unverified);
  await t.rejects(logIn(here, { tls: { mode: "verify-full" } }), unverified, "Node's own authorities");
  const byAddress = { host: "127.0.0.1", port: server.port };
  await t.rejects(logIn(byAddress, { tls: verified }), unverified);
  await t.resolves(logIn(byAddress, { tls: { ...verified, serverName: "localhost" } }));
  await t.rejects(logIn(here, { tls: { ...verified, serverName: "elsewhere" } }), unverified);
  await t.resolves(
    logIn(byAddress, { tls: { mode: "verify-ca", ca } }),
    "which looks at the authority alone",
  );
  await t.rejects(logIn(here, { tls: { mode: "verify-ca", ca: otherCa } }), unverified);
});

t.test("authorities that change are used from the next connection on", async (t) => {
  const rotated = join(folder, "rotated.crt");
  const options = { tls: { mode: "verify-full", ca: rotated } } as const;
  await t.rejects(logIn(here, options), { code: "CERTIFICATE_INVALID" }, "there are none yet");
  for (const [pem, trusted] of [
    [authority.certificatePem, true],
    [authority.certificatePem.replaceAll("A", "B"), false],
    [other.certificatePem, false],
    [other.certificatePem + authority.certificatePem, true],
    ["", false],
    ["no certificate", false],
    [authority.certificatePem, true],
  ] as const) {
    // In place, and as most tools do it: a new file under the old name.
    for (const write of [rotated, `${rotated}.new`]) {
      await writeFile(write, pem);
      if (write !== rotated) await rename(write, rotated);
      if (trusted) await t.resolves(logIn(here, options));
      else await t.rejects(logIn(here, options), { code: /TARGET_UNVERIFIED|CERTIFICATE_INVALID/ });
    }
  }
  await rm(rotated);
  await t.rejects(logIn(here, options), { code: "CERTIFICATE_INVALID" }, "and none again");
});

t.test("a target without TLS is refused where the config wants TLS, and learns nothing", async (t) => {
  for (const answer of ["N", "SX", "E", "\x16"]) {
    const heard: Buffer[] = [];
    const plain = await fakeServer(t, (socket) => {
      socket.on("data", (chunk: Buffer) => heard.push(chunk));
      socket.once("data", () => socket.write(answer));
    });
    await t.rejects(logIn(plain, { tls: verified }), {
      code: "TARGET_UNVERIFIED",
      message: "The target does not offer TLS.",
    });
    t.equal(Buffer.concat(heard).length, 8, "the request for TLS");
  }
});

t.test("a target that is down, silent or hangs up is told apart within the deadline", async (t) => {
  const unreachable = (message: RegExp) => ({ code: "TARGET_UNREACHABLE", message });
  await t.rejects(logIn({ host: "127.0.0.1", port: 1 }, {}), unreachable(/can't be reached: .*ECONNREFUSED/));
  const silent = await fakeServer(t, () => undefined);
  await t.rejects(logIn(silent, { connectTimeout: 200 }), unreachable(/did not finish the log-in within/));
  await t.rejects(
    logIn(silent, { connectTimeout: 200, tls: verified }),
    unreachable(/did not answer in time/),
  );
  const stuck = await fakeServer(t, (socket) => socket.once("data", () => socket.write("S")));
  await t.rejects(
    logIn(stuck, { connectTimeout: 200, tls: verified }),
    unreachable(/finish the TLS handshake/),
  );
  const rude = await fakeServer(t, (socket) => socket.once("data", () => socket.destroy()));
  await t.rejects(logIn(rude, {}), unreachable(/closed the connection/));
  await t.rejects(logIn(rude, { tls: verified }), unreachable(/closed the connection/));
});

t.test("a target that asks for the password in another way does not get it", async (t) => {
  for (const [code, extra, asked] of [
    [3, "", "password"],
    [5, "salt", "md5"],
    [7, "", "authentication of kind 7"],
    [10, "SCRAM-SHA-1\0OAUTHBEARER\0\0", "SCRAM-SHA-1, OAUTHBEARER"],
  ] as const) {
    const heard: Buffer[] = [];
    const asking = await fakeServer(t, (socket) => {
      socket.on("data", (chunk: Buffer) => heard.push(chunk));
      socket.write(frame("R", Buffer.from(`\0\0\0${String.fromCharCode(code)}${extra}`, "latin1")));
    });
    await t.rejects(logIn(asking, {}, "hunter2"), {
      code: "TARGET_AUTHENTICATION",
      message: `The target asks for ${asked}, and not for scram-sha-256.`,
    });
    t.notMatch(Buffer.concat(heard).toString("latin1"), /hunter2|md5|SCRAM/);
  }
});

t.test("garbage ends the log-in", async (t) => {
  for (const bytes of [
    Buffer.from([0x53, 0x40, 0, 0, 0]),
    Buffer.from([0x52, 0, 0, 0, 3]),
    Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"),
    frame("R"),
    frame("E", Buffer.from("M")),
    frame("S", Buffer.from("a")),
    frame("v", Buffer.from([0, 3, 0, 0, 0, 0, 0, 9])),
  ]) {
    const broken = await fakeServer(t, (socket) => socket.write(bytes));
    await t.rejects(logIn(broken, {}), { code: "PROTOCOL_VIOLATION" }, bytes.toString("latin1"));
  }
});

t.test("what comes behind the start-up is kept, wherever the bytes are cut", async (t) => {
  const behind = frame("A", Buffer.from("\0\0\0\x01channel\0\0"));
  const secretKey = Buffer.from("a long key");
  const start = Buffer.concat([
    encodeNegotiateProtocolVersion({ major: 3, minor: 0 }, ["_pq_.x"]),
    frame("R", Buffer.from("\0\0\0\x05salt", "latin1")),
    frame("N", Buffer.from("SNOTICE\0\0")),
    encodeAuthenticationOk(),
    encodeParameterStatus({ name: "server_version", value: "19" }),
    // Longer than the four bytes of protocol 3.0: some servers send them to whoever comes.
    encodeBackendKeyData({ processId: 7, secretKey }),
    encodeReadyForQuery(),
    behind,
  ]);
  let cut = 0;
  const cutting = await fakeServer(t, (socket) => {
    socket.once("data", () => {
      socket.write(start.subarray(0, cut));
      setImmediate(() => socket.write(start.subarray(cut)));
    });
  });
  for (cut = 1; cut <= start.length; cut++) {
    const { socket, parameters, key, rest } = await connectTo(cutting, { requireAuth: ["md5"] });
    const chunks = [rest];
    while (Buffer.concat(chunks).length < behind.length) {
      const [chunk] = (await once(socket, "data")) as [Buffer];
      chunks.push(chunk);
    }
    socket.destroy();
    t.strictSame(
      { parameters, key, behind: Buffer.concat(chunks) },
      { parameters: [{ name: "server_version", value: "19" }], key: { processId: 7, secretKey }, behind },
      `${cut} bytes first`,
    );
  }
});
