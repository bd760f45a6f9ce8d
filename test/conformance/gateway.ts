import { createWriteStream } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { createAuthority, type PemPair, writePair } from "@gatehouse/certs";
import { freePort, startOidcProvider } from "@gatehouse/testkit";
import { type Entrance, socketOf } from "./clients.ts";
import { type Cluster, databases } from "./postgres.ts";
import { startService } from "./processes.ts";

const main = join(import.meta.dirname, "..", "..", "packages", "cli", "src", "main.ts");
const AUDIENCE = "gatehouse";
const CLIENT = "conformance";
/** Milliseconds; longer than any run takes. */
const TOKEN_LIFETIME = 2 * 60 * 60 * 1000;

/** What the run's TLS goes by. */
export interface Certificates {
  readonly caFile: string;
  readonly server: PemPair;
}

/** Makes an authority, and one certificate for every server of the run. */
export async function makeCertificates(folder: string): Promise<Certificates> {
  const now = Date.now();
  const authority = await createAuthority({ name: "Gatehouse conformance", now });
  const names = ["localhost", "127.0.0.1"];
  const server = await authority.issue({ use: "server", commonName: "localhost", names, now });
  const caFile = join(folder, "ca.crt");
  await writeFile(caFile, authority.certificatePem);
  return { caFile, server };
}

/** A gateway in front of one cluster. */
export interface RunningGateway extends Entrance {
  stop(): Promise<void>;
}

/** Starts a gateway as an operator would: `gatehouse serve` with a config in `folder`, which lets everything through. */
export async function startGateway(
  folder: string,
  cluster: Cluster,
  { caFile, server }: Certificates,
): Promise<RunningGateway> {
  const provider = await startOidcProvider({
    tls: { cert: server.certificatePem, key: server.key.reveal() },
    audience: AUDIENCE,
    clients: [{ name: CLIENT, groups: [] }],
    people: [],
    tokenLifetime: TOKEN_LIFETIME,
  });
  const port = await freePort();
  const entrance = { port, sockets: folder };
  const config = await writeConfig(folder, { cluster, caFile, server, issuer: provider.issuer, entrance });
  const service = startService(process.execPath, [main, "serve", "--config", config], {
    cwd: folder,
    log: "stdout",
  });
  const stop = async () => {
    await service.stop();
    await provider.stop();
  };
  try {
    await listening(service.log, join(folder, "gateway.log"));
    const token = await provider.token(CLIENT);
    return { ...entrance, user: cluster.user, password: token, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function writeConfig(
  folder: string,
  parts: {
    cluster: Cluster;
    caFile: string;
    server: PemPair;
    issuer: string;
    entrance: Pick<Entrance, "port" | "sockets">;
  },
): Promise<string> {
  const { cluster, caFile, server, issuer, entrance } = parts;
  await mkdir(folder, { recursive: true });
  await writePair(folder, "gateway", server);
  const { user, password } = cluster;
  await writeFile(join(folder, "password"), password, { mode: 0o600 });
  // By name, since an allow without a condition does not match what is unknown (docs/policies.md).
  await writeFile(
    join(folder, "policy.yaml"),
    `policy: everything
who: { everyone: true }
targets: ["*"]
rules:
  - allow: what is understood
  - allow: what is not
    when: sql.access == "unknown"
`,
  );
  // Every change of a schema would have the catalog read anew, and the suites are hardly anything else: what it tells
  // has tests of its own, and that the server's answers pass as they are does not rest on it.
  // A client names the target where it would name the database, so the two are called the same.
  const targets = Object.values(databases).map(
    (database) => `  ${database}:
    protocol: postgres
    address: localhost:${cluster.port}
    tls: { mode: verify-full, ca: "file:${caFile}" }
    database: ${database}
    catalog: off
    levels:
      ${user}: { credential: { user: ${user}, password: file:password } }
`,
  );
  const file = join(folder, "gatehouse.yaml");
  await writeFile(
    file,
    `tls: { cert: file:gateway.crt, key: file:gateway.key }
listeners:
  postgres:
    - { address: 127.0.0.1:${entrance.port} }
    - { address: "unix:${socketOf(entrance)}", tls: off }
  control: { address: 127.0.0.1:0 }
identity:
  oidc: [{ name: conformance, issuer: "${issuer}", audience: ${AUDIENCE}, ca: "file:${caFile}" }]
targets:
${targets.join("")}policies: [file:policy.yaml]
drain: 1s
`,
  );
  return file;
}

/** Resolves when the gateway listens; its log goes to `file`. */
async function listening(log: Readable, file: string): Promise<void> {
  const copy = createWriteStream(file);
  await new Promise<void>((resolve, reject) => {
    const lines = createInterface(log);
    lines.on("line", (line) => {
      copy.write(`${line}\n`);
      // The last thing that it starts.
      if (line.includes('"control plane listening"')) resolve();
    });
    lines.once("close", () => {
      copy.end();
      reject(new Error(`The gateway did not start: ${file}`));
    });
  });
}
