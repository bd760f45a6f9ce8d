import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { createAuthority } from "@gatehouse/certs";
import { freePort, type RunningOidcProvider, startOidcProvider } from "@gatehouse/testkit";
import { run } from "../processes.ts";
import { findOpenssh, type Programs } from "./programs.ts";

/** The gateway's target, its level, and its level where secrets are masked. */
export const TARGET = "web";
export const LEVEL = "deploy";
export const MASKED_LEVEL = "masked";
export const AUDIENCE = "bench";

/** What all peers have in common: a folder, keys, an identity provider, who logs in. */
export interface Site {
  readonly programs: Programs;
  /** Everything that is written lies here, and goes with it. */
  readonly folder: string;
  /** Whoever runs the bench logs in, everywhere. */
  readonly user: string;
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly provider: RunningOidcProvider;
  readonly targetPort: number;
  /** The private key of clients, and that by which a bastion or the gateway gets into the target. */
  readonly keys: { readonly client: string; readonly hop: string };
  /** What is streamed and copied, and how many bytes it has. */
  readonly bulk: { readonly file: string; readonly bytes: number };
  readonly signal: AbortSignal;
  /** Writes a file, for its owner alone. Gives its path. */
  put(name: string, text: string): Promise<string>;
  /** Makes a pair of keys. Gives the path of the private one; the public one's ends with `.pub`. */
  makeKey(name: string): Promise<string>;
  remove(): Promise<void>;
}

/** Makes the site. Nothing but the identity provider runs yet. */
export async function createSite(bytes: number, signal: AbortSignal): Promise<Site> {
  const programs = await findOpenssh();
  const folder = await mkdtemp(join(tmpdir(), "gatehouse-bench-"));
  const put = async (name: string, text: string) => {
    const path = join(folder, name);
    await writeFile(path, text, { mode: 0o600 });
    return path;
  };
  const makeKey = async (name: string) => {
    const path = join(folder, name);
    const args = ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path];
    await run({ program: programs["ssh-keygen"], args, cwd: folder, signal }, 5000);
    return path;
  };
  try {
    // Where sshd is root's, it wants this folder for those whom it has not let in yet.
    if (userInfo().uid === 0) await mkdir("/run/sshd", { recursive: true, mode: 0o755 });
    const now = Date.now();
    const authority = await createAuthority({ name: "Gatehouse bench", now });
    const names = ["localhost", "127.0.0.1"];
    const pair = await authority.issue({ use: "server", commonName: "bench", names, now });
    const provider = await startOidcProvider({
      tls: { cert: pair.certificatePem, key: pair.key.reveal() },
      audience: AUDIENCE,
      clients: [],
      people: [],
      tokenLifetime: 60_000,
    });
    return {
      programs,
      folder,
      user: userInfo().username,
      tls: {
        ca: await put("ca.crt", authority.certificatePem),
        cert: await put("server.crt", pair.certificatePem),
        key: await put("server.key", pair.key.reveal()),
      },
      provider,
      targetPort: await freePort(),
      keys: { client: await makeKey("client"), hop: await makeKey("hop") },
      bulk: { file: await put("bulk.log", logLines(bytes)), bytes },
      signal,
      put,
      makeKey,
      async remove() {
        await provider.stop();
        await rm(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** The public key that stands beside a private one. */
export async function publicKey(file: string): Promise<string> {
  return (await readFile(`${file}.pub`, "utf8")).trim();
}

/** So many bytes of what a service writes into its log: text, as most of what commands print. */
function logLines(bytes: number): string {
  const lines: string[] = [];
  for (let number = 0, length = 0; length < 1024 * 1024; number++) {
    const line = `2026-01-01T00:00:00.${String(number % 1000).padStart(3, "0")}Z web[${number}]: GET /orders/${number * 7919} 200 ${number % 97} ms\n`;
    lines.push(line);
    length += line.length;
  }
  const block = lines.join("");
  return block.repeat(Math.ceil(bytes / block.length)).slice(0, bytes);
}
