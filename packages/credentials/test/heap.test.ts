import { execFileSync } from "node:child_process";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { getHeapSnapshot } from "node:v8";
import t from "tap";
import { createSecrets } from "../src/index.ts";

t.test("a heap snapshot has what was revealed and is kept, and nothing else of a secret", async (t) => {
  const folder = t.testdir();
  const path = join(folder, "secret");
  const snapshot = join(folder, "snapshot");
  // Made and looked for by others, so that nothing but the gateway's own code brings it into this process.
  execFileSync("/bin/sh", ["-c", 'head -c 24 /dev/urandom | od -An -tx1 | tr -d " \\n" > "$0"', path]);
  const shown = async () => {
    await pipeline(getHeapSnapshot(), createWriteStream(snapshot));
    const script = 'grep -c -F -f "$0" "$1" || true';
    return Number(execFileSync("/bin/sh", ["-c", script, path, snapshot])) > 0;
  };
  const secret = await createSecrets({ vault: () => undefined }).resolve({ from: "file", path });
  t.equal(await shown(), false, "held, and never revealed");
  const kept = [secret.reveal()];
  t.equal(await shown(), true, "revealed, and kept by somebody");
  kept.pop();
  secret.wipe();
  t.equal(await shown(), false, "wiped, and collected");
});
