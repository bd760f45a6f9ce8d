import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Sshd, startSshd } from "@gatehouse/testkit";
import type { Test } from "tap";
import { type Front, type FrontOptions, startFront } from "./front.ts";

/** A real sshd as the target of a test file, and a folder for what its tests leave. */
export interface RealTarget {
  readonly sshd: Sshd;
  readonly scratch: string;
  /** The adapter in front of it, until the test ends. */
  readonly front: (t: Test, options?: Omit<FrontOptions, "target">) => Promise<Front>;
}

/**
 * @param t the file's own: with it the target ends
 * @param lines of sshd's config
 */
export async function realTarget(t: Test, lines: readonly string[] = []): Promise<RealTarget> {
  const sshd = await startSshd(lines);
  const scratch = await mkdtemp(join(tmpdir(), "gatehouse-openssh-"));
  t.teardown(async () => {
    await sshd.stop();
    await rm(scratch, { recursive: true });
  });
  return {
    sshd,
    scratch,
    async front(t, options = {}) {
      const front = await startFront({ target: targetAt(sshd), ...options });
      t.teardown(() => front.close());
      return front;
    },
  };
}

/** What a front needs to know of an sshd. */
export function targetAt({ port, hostKey, user, key }: Sshd): FrontOptions["target"] {
  return { port, hostKeys: [hostKey.split(" ").slice(0, 2).join(" ")], user, key };
}
