import { spawn } from "node:child_process";
import { appendFileSync } from "node:fs";
import { argv } from "node:process";
import type { Buffer } from "node:buffer";
import type { SftpAction } from "../../src/sftp/action.ts";
import { SftpRelay } from "../../src/sftp/relay.ts";

/*
 * A server for `sftp -D`: sftp-server with the relay in the middle. What is decided, moved and refused goes to a journal,
 * one JSON text a line. Its arguments: sftp-server, the journal, the paths (and what is below them) that are blocked.
 */

const [server = "", journal = "", ...blocked] = argv.slice(2);
const child = spawn(server, ["-e"], { stdio: ["pipe", "pipe", "inherit"] });

function note(entry: object): void {
  appendFileSync(journal, `${JSON.stringify(entry)}\n`);
}

function isBlocked({ paths }: SftpAction): boolean {
  return paths.some((path) => blocked.some((top) => path === top || path.startsWith(`${top}/`)));
}

let waiting = 0;

/** Slows down whom it comes from, as a channel's window does. */
function write(to: NodeJS.WritableStream, bytes: readonly Buffer[], taken?: () => void): void {
  for (const part of bytes.slice(0, -1)) to.write(part);
  to.write(bytes.at(-1) ?? "", () => taken?.());
}

const relay = new SftpRelay({
  toTarget: (bytes, taken) => write(child.stdin, bytes, taken),
  toClient: (bytes, taken) => write(process.stdout, bytes, taken),
  clientTaken: (bytes) => {
    waiting -= bytes;
    if (waiting < WINDOW) process.stdin.resume();
  },
  targetTaken: () => undefined,
  decide: async (action) => {
    const ok = !isBlocked(action);
    note({ decided: action.kind, access: action.access, paths: action.paths, resolved: action.resolved, ok });
    await Promise.resolve();
    if (!ok) return { ok, refusal: { kind: "policy", message: "Blocked by the rule.", reference: "ref-1" } };
    return { ok, held: false, send: (bytes) => write(child.stdin, bytes) };
  },
  refuse: async (refused) => {
    note({ refused: refused.message });
    await Promise.resolve();
    return { ...refused, reference: "ref-2" };
  },
  moved: (transfer) => note({ moved: transfer }),
  endTarget: () => child.stdin.end(),
  endClient: () => process.stdout.end(),
  failed: (error) => {
    note({ failed: String(error) });
    child.kill();
    process.exitCode = 1;
  },
});

const WINDOW = 2 * 1024 * 1024;
process.stdin.on("data", (chunk: Buffer) => {
  waiting += chunk.length;
  if (waiting >= WINDOW) process.stdin.pause();
  relay.fromClient(chunk);
});
process.stdin.on("end", () => relay.clientEnded());
child.stdout.on("data", (chunk: Buffer) => relay.fromTarget(chunk));
child.stdout.on("end", () => relay.targetEnded());
