import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "@gatehouse/testkit";
import { gatewayCall, POLICIES } from "../../gateway.ts";
import { accepts, startService } from "../../processes.ts";
import { heldLevel, maskedLevels } from "../levels.ts";
import type { PostgresPeer, Transport } from "../stage.ts";
import { AUDIENCE, DATABASE, type Site } from "../site.ts";
import { clientEnvironment, socketOptions, socketPath, type Way } from "./ways.ts";

/** Those of this gateway. */
export const OWN_POLICIES = join(POLICIES, "postgres");

export interface GatewayOptions {
  /** Whether it has levels whose users it makes. */
  readonly minting: boolean;
  /** Where V8's CPU profile is written when the gateway stops; none is, when undefined. */
  readonly profiles: string | undefined;
}

/**
 * The gateway as an operator runs it: `gatehouse serve` as a process of its own, with tokens checked, ten rules,
 * analysis and an audit log that is new for this process.
 */
export async function startGateway(
  site: Site,
  transport: Transport,
  { minting, profiles }: GatewayOptions,
): Promise<PostgresPeer> {
  const port = await freePort();
  const controlPort = await freePort();
  const folder = await mkdtemp(join(site.folder, "gateway-"));
  const way = transport === "tls" ? { port } : { port, folder };
  const config = join(folder, "gatehouse.yaml");
  await cp(OWN_POLICIES, join(folder, "policies"), { recursive: true });
  const secrets = join(folder, "secrets");
  await mkdir(secrets, { mode: 0o700 });
  for (const user of ["reader", "writer", "gatehouse"] as const) {
    await writeFile(join(secrets, user), site.passwords[user], { mode: 0o600 });
  }
  await writeFile(config, configOf(site, way, { controlPort, minting }));
  const { pid, stop } = await startService(
    { ...gatewayCall(config, profiles), cwd: folder, signal: site.signal },
    () => accepts(socketOptions(way)),
  );
  return {
    name: "gateway",
    pid,
    controlPort,
    clientEnvironment: (level) => clientEnvironment(site, way, level, site.token),
    async stop() {
      await stop("SIGTERM");
      // The audit log of a few rounds is gigabytes.
      await rm(folder, { recursive: true });
    },
  };
}

/** Levels whose users are made, and the administrator who makes them. So many are ready that nobody's log-in empties them. */
const MINTED = `      ready: { memberOf: [readers], ready: 10 }
      cold: { memberOf: [readers], ready: 0 }
      shared: { memberOf: [readers], ready: 0, share: identity }
    credential: { user: gatehouse, password: file:secrets/gatehouse }
`;

function configOf(
  { tls, serverPort, provider }: Site,
  way: Way,
  { controlPort, minting }: { readonly controlPort: number; readonly minting: boolean },
): string {
  const plain = "folder" in way;
  const listener = plain
    ? `{ address: "unix:${socketPath(way)}", tls: off }`
    : `{ address: 127.0.0.1:${way.port} }`;
  const upstream = plain ? "off" : `{ mode: verify-full, ca: "file:${tls.ca}" }`;
  return `state: file:state
tls: { cert: "file:${tls.cert}", key: "file:${tls.key}" }
listeners:
  postgres: ${listener}
  control: { address: 127.0.0.1:${controlPort} }
identity:
  oidc:
    - { name: bench, issuer: "${provider.issuer}", audience: ${AUDIENCE}, ca: "file:${tls.ca}" }
targets:
  ${DATABASE}:
    protocol: postgres
    address: 127.0.0.1:${serverPort}
    tls: ${upstream}
    database: ${DATABASE}
    levels:
      reader: { credential: { user: reader, password: file:secrets/reader } }
      writer: { credential: { user: writer, password: file:secrets/writer } }
      ${heldLevel}: { credential: { user: writer, password: file:secrets/writer } }
${maskedLevels.map((name) => `      ${name}: { credential: { user: reader, password: file:secrets/reader } }\n`).join("")}${minting ? MINTED : ""}policies: [file:policies/*.yaml]
limits: { connections: 5000, perAddress: 5000 }
sessions: { perIdentity: 5000 }
approvals: { perIdentity: 1000 }
drain: 0s
`;
}
