import { once } from "node:events";
import { mkdir, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import tls, { connect, type TLSSocket } from "node:tls";
import t from "tap";
import { createAuthority, watchCertificate, writePair } from "../src/index.ts";
import { captureBuiltin } from "./capture.ts";
import { handshake } from "./handshake.ts";
import {
  authority,
  client,
  DAY,
  echoServer,
  issue,
  NEVER,
  NOW,
  nameOn,
  recordingLog,
  watched,
} from "./watching.ts";

const invalid = { name: "GatehouseError", code: "CERTIFICATE_INVALID" };

async function echo(socket: TLSSocket, text: string): Promise<string> {
  const answer = once(socket, "data");
  socket.write(text);
  return String((await answer)[0]);
}

t.test("a new pair is for new connections, and a connection that is open goes on", async (t) => {
  const { dir, certificate, log } = await watched(t);
  const port = await echoServer(t, certificate);
  const old = await client(t, port);
  t.equal(nameOn(old), "first");

  await writePair(dir, "gw", await issue("second"));
  t.equal(await certificate.reload(), true);
  t.equal(nameOn(await client(t, port)), "second");
  t.equal(await echo(old, "still here"), "still here");
  t.match(log.lines, [{ level: "info", message: "certificate reloaded" }]);
});

t.test("files that did not change are not taken anew", async (t) => {
  const { certificate, log } = await watched(t);
  const before = certificate.current();
  t.equal(await certificate.reload(), false);
  t.equal(certificate.current(), before);
  t.same(log.lines, []);
});

t.test("TLS below 1.2 is not spoken, even where it is Node's default", async (t) => {
  const before = { minimum: tls.DEFAULT_MIN_VERSION, ciphers: tls.DEFAULT_CIPHERS };
  t.teardown(() => {
    tls.DEFAULT_MIN_VERSION = before.minimum;
    tls.DEFAULT_CIPHERS = before.ciphers;
  });
  tls.DEFAULT_MIN_VERSION = "TLSv1";
  tls.DEFAULT_CIPHERS = "DEFAULT@SECLEVEL=0";
  const { certificate } = await watched(t);
  const port = await echoServer(t, certificate);
  const socket = connect({
    host: "127.0.0.1",
    port,
    ca: authority.certificatePem,
    servername: "localhost",
    maxVersion: "TLSv1.1",
  });
  const spoken = await new Promise((resolve) => {
    socket.on("secureConnect", () => resolve(socket.getProtocol()));
    socket.on("error", resolve);
  });
  socket.destroy();
  t.match(spoken, { code: "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION" });
});

t.test("a bad pair never takes the place of a good one, and the log says what is wrong", async (t) => {
  const second = await issue("second");
  const spoilings: Record<string, [(files: { cert: string; key: string }) => Promise<void>, RegExp]> = {
    "a certificate of another key": [
      ({ cert }) => writeFile(cert, second.certificatePem),
      /not the private key/,
    ],
    "a key of another certificate": [({ key }) => writeFile(key, second.key.reveal()), /not the private key/],
    "half a certificate": [({ cert }) => truncate(cert, 300), /gw\.crt is not a whole certificate/],
    "a chain that is cut short": [
      ({ cert }) => writeFile(cert, second.certificatePem + authority.certificatePem.slice(0, 200)),
      /gw\.crt is not a whole certificate/,
    ],
    "a line that is cut short": [
      ({ cert }) => writeFile(cert, `${second.certificatePem}-----BEGIN CERT`),
      /gw\.crt is not a whole certificate/,
    ],
    "half a key": [({ key }) => truncate(key, 100), /gw\.key holds no private key/],
    "an empty key": [({ key }) => truncate(key, 0), /gw\.key holds no private key/],
    "a missing certificate": [({ cert }) => rm(cert), /gw\.crt could not be read/],
    "a folder in the key's place": [
      async ({ key }) => {
        await rm(key);
        await mkdir(key);
      },
      /gw\.key could not be read/,
    ],
  };
  for (const [what, [spoil, problem]] of Object.entries(spoilings)) {
    await t.test(what, async (t) => {
      const { dir, files, certificate, log } = await watched(t);
      const before = certificate.current();
      await spoil(files);
      t.equal(await certificate.reload(), false);
      t.equal(certificate.current(), before);
      t.match(log.lines, [{ level: "warn", fields: { problem } }]);
      t.notMatch(JSON.stringify(log.lines), "PRIVATE KEY-----");

      await rm(files.key, { recursive: true });
      await writePair(dir, "gw", second);
      t.equal(await certificate.reload(), true, "a good pair is taken after it");
    });
  }
  await t.test("an expired pair", async (t) => {
    const files = await writePair(t.testdir(), "gw", await issue("first", NOW + 30 * DAY));
    const log = recordingLog();
    const clock = { now: () => NOW + 91 * DAY };
    const certificate = await watchCertificate({ ...files, log, clock, interval: NEVER });
    t.teardown(() => certificate.close());
    await writePair(dirname(files.cert), "gw", second);
    t.equal(await certificate.reload(), false);
    t.match(log.lines, [{ level: "warn", fields: { problem: /gw\.crt expired on/ } }]);
  });
});

t.test("a bad pair at first load is an error that names the file and what to do", async (t) => {
  const dir = t.testdir();
  const files = await writePair(dir, "gw", await issue("first"));
  const load = (now = NOW) => watchCertificate({ ...files, log: recordingLog(), clock: { now: () => now } });
  const hint = /\w/;
  await t.rejects(load(NOW + 91 * DAY), { ...invalid, message: /gw\.crt expired/, hint });
  await t.rejects(load(NOW - DAY), { ...invalid, message: /gw\.crt is not valid before/, hint });
  await writeFile(files.key, (await issue("second")).key.reveal());
  await t.rejects(load(), { ...invalid, message: /gw\.key is not the private key of .*gw\.crt/, hint });
  await rm(files.key);
  await t.rejects(load(), { ...invalid, message: /gw\.key could not be read/, hint });
});

t.test(
  "authorities of client certificates are loaded with the pair, and a bad file of them is refused",
  async (t) => {
    const ca = join(t.testdir({ ca: {} }), "ca", "clients.crt");
    await writeFile(ca, "garbage");
    const files = await writePair(join(ca, "..", "pair"), "gw", await issue("first"));
    const load = () => watchCertificate({ ...files, ca, log: recordingLog(), interval: NEVER });
    await t.rejects(load(), { ...invalid, message: /clients\.crt/ });

    const clients = await createAuthority({ name: "Client CA", now: NOW });
    await writeFile(ca, clients.certificatePem);
    const certificate = await load();
    t.teardown(() => certificate.close());
    const agent = await clients.issue({ use: "client", commonName: "agent", names: [], now: NOW });
    const verdict = async () =>
      (
        await handshake(
          { SNICallback: (_, done) => done(null, certificate.current()), requestCert: true },
          {
            ca: authority.certificatePem,
            servername: "localhost",
            cert: agent.certificatePem,
            key: agent.key.reveal(),
          },
        )
      ).server;
    t.equal(await verdict(), "accepted");
    await writeFile(ca, (await createAuthority({ name: "Other CA", now: NOW })).certificatePem);
    t.equal(await certificate.reload(), true, "a change of them alone is followed");
    t.not(await verdict(), "accepted");
  },
);

t.test("a Kubernetes volume's swap of symbolic links is followed", async (t) => {
  const dir = t.testdir();
  for (const version of ["v1", "v2"]) await writePair(join(dir, version), "tls", await issue(version));
  await symlink("v1", join(dir, "..data"));
  for (const file of ["tls.crt", "tls.key"]) await symlink(join("..data", file), join(dir, file));
  const certificate = await watchCertificate({
    cert: join(dir, "tls.crt"),
    key: join(dir, "tls.key"),
    log: recordingLog(),
    interval: NEVER,
  });
  t.teardown(() => certificate.close());
  const port = await echoServer(t, certificate);
  t.equal(nameOn(await client(t, port)), "v1");
  await symlink("v2", join(dir, "..data_tmp"));
  await rename(join(dir, "..data_tmp"), join(dir, "..data"));
  t.equal(await certificate.reload(), true);
  t.equal(nameOn(await client(t, port)), "v2");
});

t.test("reloads that overlap look at the files one after the other, and take a change once", async (t) => {
  const { dir, files, certificate } = await watched(t);
  await writePair(dir, "gw", await issue("second"));
  const stats = captureBuiltin(t, "stat");
  t.same(await Promise.all([certificate.reload(), certificate.reload()]), [true, false]);
  t.same(
    stats.args().map(([path]) => path),
    [files.cert, files.key, files.cert, files.key],
  );
});

t.test("after close the last certificate stays and files are not followed", async (t) => {
  const { dir, certificate } = await watched(t);
  const before = certificate.current();
  certificate.close();
  await writePair(dir, "gw", await issue("second"));
  t.equal(await certificate.reload(), false);
  t.equal(certificate.current(), before);
});
