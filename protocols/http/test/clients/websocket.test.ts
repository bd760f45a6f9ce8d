import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import t from "tap";
import { SECRET, startFront, TOKEN } from "../support/front.ts";

/*
 * `ws`, which most of JavaScript uses, on both sides of the adapter. install.sh puts it where this test looks.
 */

const run = promisify(execFile);
const root = join(import.meta.dirname, "..", "..", "..", "..");
const clients = resolve(process.env["CLIENTS"] ?? join(root, "node_modules", ".clients"), "http");

t.test("ws does its round", async (t) => {
  // Modules are looked for beside the file that asks for them.
  const script = join(clients, "node", "socket.mjs");
  await copyFile(join(import.meta.dirname, "node", "socket.js"), script);
  const server = spawn(process.execPath, [script, "serve"], { stdio: ["ignore", "pipe", "inherit"] });
  const told = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  const heard: unknown[] = [];
  const next = async () => {
    const { value } = (await told.next()) as { readonly value: string };
    heard.push(JSON.parse(value));
    return JSON.parse(value) as unknown[];
  };
  const [, port] = await next();
  const front = await startFront({
    target: { port: Number(port) },
    allow: ({ facts }) => facts["path"] === "/chat" && facts["message"] !== "forbidden",
    hold: ({ facts }) => facts["message"] === "held",
  });
  t.teardown(async () => {
    await front.close();
    server.kill();
    await once(server, "close");
  });
  const ca = join(t.testdir(), "ca.crt");
  await writeFile(ca, front.ca);
  const visit = run(process.execPath, [script, `wss://localhost:${front.port}/api`, TOKEN], {
    env: { ...process.env, NODE_EXTRA_CA_CERTS: ca },
  });
  void front.gate
    .until((events) => events.some(({ type }) => type === "held"))
    .then(() => front.gate.waiting[0]?.approve());
  const { stdout } = await visit;
  t.same(JSON.parse(stdout), [
    ...["second", "", "welcome", "hello", "00ff", "large", "there?", "one two three", "held"],
    ...[[4000, "as you wish"], [1008, "No. (ref_1)"], 403],
  ]);
  while (heard.length < 11) await next();
  t.same(heard.slice(1), [
    ["asked", "/chat?room=7", `Bearer ${SECRET}`, null],
    ...[
      ["text", "hello"],
      ["binary", Buffer.from([0, 255]).toString()],
      ["text", 300_000],
    ],
    ...[
      ["text", "one two three"],
      ["text", "held"],
      ["text", "leave"],
      ["closed", 4000],
    ],
    ["asked", "/chat", `Bearer ${SECRET}`, null],
    ["closed", 1001],
  ]);
});
