import { randomBytes } from "node:crypto";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { createAuthority } from "@gatehouse/certs";
import { freePort, type RunningOidcProvider, startOidcProvider } from "@gatehouse/testkit";
import { run } from "../processes.ts";
import type { Role } from "./levels.ts";
import { findPostgres, type Programs } from "./programs.ts";

/** The database, and the name of the gateway's target. */
export const DATABASE = "bench";
export const AUDIENCE = "bench";
const TOKEN_LIFETIME = 24 * 60 * 60 * 1000;

/** What all peers have in common: a folder, certificates, accounts, an identity provider, the server's place. */
export interface Site {
  readonly programs: Programs;
  /** Everything that is written lies here, and goes with it. Others may look into it: the server runs as one of them. */
  readonly folder: string;
  /** The user of the system that PostgreSQL and pgbouncer run as, when this process is root's. */
  readonly user?: string;
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly passwords: Readonly<Record<Role | "gatehouse" | "postgres", string>>;
  readonly serverPort: number;
  /** The folder of the server's Unix socket. */
  readonly serverSockets: string;
  readonly provider: RunningOidcProvider;
  /** The access token that is the gateway's password. */
  readonly token: string;
  /** That of a person who may answer what is held. */
  readonly approverToken: string;
  readonly signal: AbortSignal;
  /** Writes a file, for its owner alone; the owner is the user that the services run as. Gives its path. */
  put(name: string, text: string): Promise<string>;
  /** Makes a folder, which is that user's too. Gives its path. */
  makeFolder(name: string): Promise<string>;
  remove(): Promise<void>;
}

/** Makes the site. Nothing but the identity provider runs yet. */
export async function createSite(signal: AbortSignal): Promise<Site> {
  const programs = await findPostgres();
  const folder = await mkdtemp(join(tmpdir(), "gatehouse-bench-"));
  // PostgreSQL and pgbouncer refuse to run as root; Debian's packages bring this user.
  const user = userInfo().uid === 0 ? "postgres" : undefined;
  const own = async (path: string) => {
    if (user !== undefined) {
      await run({ program: "chown", args: [`${user}:`, path], cwd: folder, signal }, 5000);
    }
    return path;
  };
  const put = async (name: string, text: string) => {
    const path = join(folder, name);
    await writeFile(path, text, { mode: 0o600 });
    return own(path);
  };
  const makeFolder = async (name: string) => {
    const path = join(folder, name);
    await mkdir(path, { mode: 0o700 });
    return own(path);
  };
  try {
    await chmod(folder, 0o755);
    const now = Date.now();
    const authority = await createAuthority({ name: "Gatehouse bench", now });
    const pair = await authority.issue({
      use: "server",
      commonName: "bench",
      names: ["localhost", "127.0.0.1"],
      now,
    });
    const ca = join(folder, "ca.crt");
    await writeFile(ca, authority.certificatePem);
    const provider = await startOidcProvider({
      tls: { cert: pair.certificatePem, key: pair.key.reveal() },
      audience: AUDIENCE,
      clients: [{ name: "bench", groups: ["bench"] }],
      people: [{ name: "approver", groups: ["approvers"] }],
      tokenLifetime: TOKEN_LIFETIME,
    });
    const common = {
      programs,
      folder,
      ...(user === undefined ? {} : { user }),
      tls: {
        ca,
        cert: await put("server.crt", pair.certificatePem),
        key: await put("server.key", pair.key.reveal()),
      },
      passwords: { reader: secret(), writer: secret(), gatehouse: secret(), postgres: secret() },
      serverPort: await freePort(),
      serverSockets: await makeFolder("server"),
      provider,
      signal,
      put,
      makeFolder,
    };
    const remove = async () => {
      await provider.stop();
      await rm(folder, { recursive: true, force: true });
    };
    const tokens = {
      token: await provider.token("bench"),
      approverToken: await provider.token("approver"),
    };
    return { ...common, ...tokens, remove };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

function secret(): string {
  return randomBytes(18).toString("base64url");
}
