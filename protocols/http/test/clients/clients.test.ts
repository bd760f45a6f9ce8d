import { execFile } from "node:child_process";
import type { ServerResponse } from "node:http";
import { copyFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import t, { type Test } from "tap";
import { startFront, TOKEN } from "../support/front.ts";
import { startTarget } from "../support/target.ts";

/*
 * Clients that agents are made of, through the adapter; each does the same round. install.sh puts them where these tests look.
 */

const run = promisify(execFile);
const root = join(import.meta.dirname, "..", "..", "..", "..");
const clients = resolve(process.env["CLIENTS"] ?? join(root, "node_modules", ".clients"), "http");
const SIZE = 20_000_000;

let events: ServerResponse | undefined;
const target = await startTarget((request, response) => {
  switch (request.url) {
    case "/echo":
      request.pipe(response);
      break;
    case "/count": {
      let count = 0;
      request.on("data", (part: Buffer) => {
        count += part.length;
      });
      request.on("end", () => response.end(`${count}`));
      break;
    }
    case "/large":
      response.end(Buffer.alloc(SIZE));
      break;
    case "/moved":
      response.writeHead(302, { location: "/hello" }).end();
      break;
    case "/events":
      // The second event waits until the client has told that it has the first.
      events = response;
      response.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n");
      break;
    case "/next":
      events?.end("data: 2\n\n");
      response.end();
      break;
    default:
      response.end("hello");
  }
});
const front = await startFront({
  target,
  allow: ({ verbs }) => !verbs.includes("DELETE"),
  hold: ({ text }) => text.startsWith("POST /held"),
});
t.teardown(async () => {
  await front.close();
  await target.stop();
});
const folder = t.testdir();
const ca = join(folder, "ca.crt");
await writeFile(ca, front.ca);
const base = `https://localhost:${front.port}/api`;

async function approveNext(): Promise<void> {
  const before = front.gate.events.length;
  await front.gate.until((all) => all.slice(before).some(({ type }) => type === "held"));
  front.gate.waiting[0]?.approve();
}

const ROUND = {
  got: "hello",
  posted: { a: 1 },
  up: `${SIZE}`,
  down: SIZE,
  moved: ["hello", "/api/hello"],
  refused: [403, "No."],
  events: ["data: 1", "data: 2"],
  held: "hello",
};

for (const client of ["fetch", "undici", "axios"]) {
  t.test(`${client} does its round`, async (t) => {
    // Modules are looked for beside the file that asks for them.
    const script = join(clients, "node", "visit.mjs");
    await copyFile(join(import.meta.dirname, "node", "visit.js"), script);
    const visit = run(process.execPath, [script, client, base, TOKEN], {
      env: { ...process.env, NODE_EXTRA_CA_CERTS: ca },
    });
    const [{ stdout }] = await Promise.all([visit, approveNext()]);
    t.same(JSON.parse(stdout), ROUND);
  });
}

for (const client of ["requests", "httpx"]) {
  t.test(`Python's ${client} does its round`, async (t) => {
    const connections = front.gate.events.filter(({ type }) => type === "login").length;
    const script = join(import.meta.dirname, "visit.py");
    const visit = run(join(clients, "python", "bin", "python"), [script, client, base, TOKEN, ca], {
      // requests believes the environment before what it is told.
      env: { ...process.env, REQUESTS_CA_BUNDLE: ca },
    });
    const [{ stdout }] = await Promise.all([visit, approveNext()]);
    t.same(JSON.parse(stdout), ROUND);
    // One connection is kept for all, and a second one beside the stream of events.
    t.equal(front.gate.events.filter(({ type }) => type === "login").length - connections, 2);
  });
}

for (const version of ["1.1", "2"]) {
  t.test(`curl does its round in HTTP/${version}`, (t) => curlsRound(t, version));
}

async function curlsRound(t: Test, version: string): Promise<void> {
  const curl = async (...args: string[]) => {
    const all = ["-sS", `--http${version}`, "--cacert", ca, "-H", `Authorization: Bearer ${TOKEN}`, ...args];
    return (await run("curl", all, { maxBuffer: 2 * SIZE })).stdout;
  };
  t.equal(await curl(`${base}/hello`, `${base}/hello`, "-w", "%{num_connects}"), "hello1hello0");
  t.equal(await curl("--json", '{"a":1}', `${base}/echo`), '{"a":1}');
  const file = join(folder, "large");
  await writeFile(file, Buffer.alloc(SIZE));
  t.equal(await curl("-T", file, `${base}/count`), `${SIZE}`);
  t.equal(await curl("-H", "Transfer-Encoding: chunked", "-T", file, `${base}/count`), `${SIZE}`);
  t.equal((await curl(`${base}/large`)).length, SIZE);
  t.equal(await curl("-L", "-w", " %{url_effective}", `${base}/moved`), `hello ${base}/hello`);
  t.match(JSON.parse(await curl("-X", "DELETE", `${base}/hello`)), { status: 403, detail: "No." });
  t.equal(await curl("--http1.0", `${base}/hello`), "hello");
  t.ok((await curl("-I", `${base}/hello`)).startsWith(`HTTP/${version} 200`));
  const [held] = await Promise.all([curl("--json", "{}", `${base}/held`), approveNext()]);
  t.equal(held, "hello");
}
