import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import t from "tap";
import type { Front } from "../support/front.ts";
import { optionsOf, run } from "../support/openssh.ts";
import { realTarget } from "../support/real-target.ts";

/*
 * A file of 1 GiB by OpenSSH's sftp, through the adapter, to a real sshd, whole and in parts. Needs openssh-client and
 * openssh-server (test/clients/install.sh), and 3 GiB of room.
 */

t.setTimeout(110_000);
const { scratch, front } = await realTarget(t);

const PIECE = 16 * 1024 * 1024;
const SIZE = 64 * PIECE;
/** What there is of it already when it is resumed. */
const PART = 60 * PIECE;

const here = join(scratch, "here");
const there = join(scratch, "there");
const back = join(scratch, "back");
const sha256 = await makeFile(here);

/** Writes a file of which no two pieces are alike. @returns its SHA-256 */
async function makeFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  const piece = randomBytes(PIECE);
  const file = await open(path, "w");
  for (let number = 0; number < SIZE / PIECE; number++) {
    piece.writeUInt32BE(number);
    hash.update(piece);
    await file.writeFile(piece);
  }
  await file.close();
  return hash.digest("hex");
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash);
  return hash.digest("hex");
}

async function sftp(through: Front, command: string) {
  const batch = join(scratch, "batch");
  await writeFile(batch, `${command}\n`);
  return run("sftp", [...optionsOf(through), "-b", batch, "deploy@web@127.0.0.1"]);
}

/** What the audit log is told of files. */
function moved({ gate }: Front) {
  return gate.events.flatMap((event) => (event.type === "moved" ? [event.transfer] : []));
}

t.test("1 GiB goes up and comes down, and the audit log has its SHA-256", async (t) => {
  const through = await front(t);
  const up = await sftp(through, `put ${here} ${there}`);
  t.equal(up.code, 0, up.err);
  const down = await sftp(through, `get ${there} ${back}`);
  t.equal(down.code, 0, down.err);
  // It came from there: what is right here is right there, too.
  t.equal(await digestOf(back), sha256);
  t.match(moved(through), [
    { path: there, direction: "up", bytes: SIZE, sha256, complete: true },
    { path: there, direction: "down", bytes: SIZE, sha256, complete: true },
  ]);
});

t.test("what was cut off is resumed both ways, and what is moved of it has no SHA-256", async (t) => {
  const through = await front(t);
  for (const path of [there, back]) await truncate(path, PART);
  const up = await sftp(through, `reput ${here} ${there}`);
  t.equal(up.code, 0, up.err);
  const down = await sftp(through, `reget ${there} ${back}`);
  t.equal(down.code, 0, down.err);
  t.equal(await digestOf(back), sha256);
  t.match(moved(through), [
    { path: there, direction: "up", bytes: SIZE - PART, sha256: null },
    { path: there, direction: "down", bytes: SIZE - PART, sha256: null },
  ]);
});
