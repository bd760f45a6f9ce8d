import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAuthority } from "@gatehouse/certs";
import { freePort, type RunningOidcProvider, startOidcProvider } from "@gatehouse/testkit";
import { findHttpPrograms, type Programs } from "./programs.ts";

export const AUDIENCE = "bench";
/** The gateway's level where data is masked; any other request is at the level that is meant where none is said. */
export const MASKED_LEVEL = "masked";
/** What the targets want in `Authorization`, and only who stands before them has. */
export const SECRET = "s3cret-of-the-targets";

/** A run of the works takes less. */
const TOKEN_LIFETIME = 4 * 3_600_000;

/** The targets: `api` has small JSON and large files, `model` streams events. */
const targetNames = ["api", "model"] as const;
export type TargetName = (typeof targetNames)[number];

/** What all peers have in common: a folder, certificates, an identity provider, the targets' ports. */
export interface Site {
  readonly programs: Programs;
  /** Everything that is written lies here, and goes with it. */
  readonly folder: string;
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly provider: RunningOidcProvider;
  /** An access token of a program's, which all clients bring along. */
  readonly token: string;
  readonly ports: Readonly<Record<TargetName, number>>;
  /** What is fetched and sent, and how many bytes it has. */
  readonly bulk: { readonly file: string; readonly bytes: number };
  readonly signal: AbortSignal;
  /** Writes a file, for its owner alone. Gives its path. */
  put(name: string, text: string): Promise<string>;
  remove(): Promise<void>;
}

/** Makes the site. Nothing but the identity provider runs yet. */
export async function createSite(bytes: number, signal: AbortSignal): Promise<Site> {
  const programs = await findHttpPrograms();
  const folder = await mkdtemp(join(tmpdir(), "gatehouse-bench-"));
  const put = async (name: string, text: string | Buffer) => {
    const path = join(folder, name);
    await writeFile(path, text, { mode: 0o600 });
    return path;
  };
  try {
    await mkdir(join(folder, "temporary"));
    const now = Date.now();
    const authority = await createAuthority({ name: "Gatehouse bench", now });
    const names = ["localhost", "127.0.0.1"];
    const pair = await authority.issue({ use: "server", commonName: "bench", names, now });
    const provider = await startOidcProvider({
      tls: { cert: pair.certificatePem, key: pair.key.reveal() },
      audience: AUDIENCE,
      clients: [{ name: "bench", groups: ["bench"] }],
      people: [],
      tokenLifetime: TOKEN_LIFETIME,
    });
    return {
      programs,
      folder,
      tls: {
        ca: await put("ca.crt", authority.certificatePem),
        cert: await put("server.crt", pair.certificatePem),
        key: await put("server.key", pair.key.reveal()),
      },
      provider,
      token: await provider.token("bench"),
      ports: { api: await freePort(), model: await freePort() },
      bulk: { file: await put("bulk", randomBytes(bytes)), bytes },
      signal,
      put,
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
