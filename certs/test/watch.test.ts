import { execFile } from "node:child_process";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import t from "tap";
import { type PemPair, watchCertificate, writePair } from "../src/index.ts";
import { client, DAY, echoServer, issue, NOW, nameOn, recordingLog } from "./watching.ts";

t.test("the watch finds a replaced file by itself", async (t) => {
  const dir = t.testdir();
  const files = await writePair(dir, "gw", await issue("first"));
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const certificate = await watchCertificate({
    ...files,
    log: recordingLog(),
    interval: 5,
    onReload: () => resolve(undefined),
  });
  t.teardown(() => certificate.close());
  const port = await echoServer(t, certificate);
  await writePair(dir, "gw", await issue("second"));
  await promise;
  t.equal(nameOn(await client(t, port)), "second");
});

t.test(
  "the watch says once what is wrong, goes on looking, and takes a pair that becomes valid",
  async (t) => {
    const file = join(t.testdir(), "gw.pem");
    // Certificate and key in one file, so that no look falls between the two.
    const replace = async (pair: PemPair) => {
      await writeFile(`${file}.tmp`, pair.certificatePem + pair.key.reveal());
      await rename(`${file}.tmp`, file);
    };
    await replace(await issue("first"));
    const log = recordingLog();
    const lookedOften = Promise.withResolvers<undefined>();
    const reloaded = Promise.withResolvers<undefined>();
    let now = NOW;
    let looks = 0;
    const certificate = await watchCertificate({
      cert: file,
      key: file,
      log,
      clock: {
        now: () => {
          looks += 1;
          if (looks === 5) lookedOften.resolve(undefined);
          return now;
        },
      },
      interval: 1,
      onReload: () => reloaded.resolve(undefined),
    });
    t.teardown(() => certificate.close());
    const port = await echoServer(t, certificate);
    await replace(await issue("later", NOW + DAY));
    await lookedOften.promise;
    t.equal(nameOn(await client(t, port)), "first");
    now = NOW + DAY;
    await reloaded.promise;
    t.match(
      log.lines.map(({ level }) => level),
      ["warn", "info"],
    );
  },
);

t.test("the watch keeps no process alive", async (t) => {
  const files = await writePair(t.testdir(), "gw", await issue("first"));
  const source = pathToFileURL(join(import.meta.dirname, "../src/index.ts")).href;
  const program = `
    import { watchCertificate } from ${JSON.stringify(source)};
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    await watchCertificate({ ...${JSON.stringify(files)}, log });
    process.stdout.write("watching");
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program]);
  t.equal(stdout, "watching");
});
