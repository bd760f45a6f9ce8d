import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "@gatehouse/testkit";
import { gatewayCall, POLICIES } from "../../gateway.ts";
import { accepts, startService } from "../../processes.ts";
import { AUDIENCE, MASKED_LEVEL, SECRET, type Site } from "../site.ts";
import type { HttpPeer } from "../stage.ts";

/**
 * The gateway as an operator runs it: `gatehouse serve` as a process of its own, with tokens checked, ten rules and an audit log that is
 * new for this process.
 */
export async function startGateway(site: Site, profiles: string | undefined): Promise<HttpPeer> {
  const port = await freePort();
  const folder = await mkdtemp(join(site.folder, "gateway-"));
  await cp(join(POLICIES, "http"), join(folder, "policies"), { recursive: true });
  await writeFile(join(folder, "secret"), SECRET, { mode: 0o600 });
  const config = join(folder, "gatehouse.yaml");
  await writeFile(config, configOf(site, port));
  const { pid, stop } = await startService(
    { ...gatewayCall(config, profiles), cwd: folder, signal: site.signal },
    () => accepts({ port, host: "127.0.0.1" }),
  );
  return {
    name: "gateway",
    pid,
    url: ({ target, path, masked }) =>
      `https://127.0.0.1:${port}/${masked ? `${MASKED_LEVEL}@` : ""}${target}${path}`,
    async stop() {
      await stop("SIGTERM");
      // The audit log of a few rounds is gigabytes.
      await rm(folder, { recursive: true });
    },
  };
}

function configOf({ tls, provider, ports }: Site, port: number): string {
  const upstream = `tls: { mode: verify-full, ca: "file:${tls.ca}", serverName: localhost }
    credential: { password: file:secret }
    levels: { default: {}, ${MASKED_LEVEL}: {} }`;
  return `state: file:state
tls: { cert: "file:${tls.cert}", key: "file:${tls.key}" }
listeners:
  http: { address: 127.0.0.1:${port} }
identity:
  oidc:
    - { name: bench, issuer: "${provider.issuer}", audience: ${AUDIENCE}, ca: "file:${tls.ca}" }
targets:
  api:
    protocol: http
    address: 127.0.0.1:${ports.api}
    routes: ["/v1/orders/{id}", "/v1/files/{name}", "/v1/uploads/{name}"]
    ${upstream}
  model:
    protocol: http
    api: openai
    address: 127.0.0.1:${ports.model}
    routes: [/v1/chat/completions]
    ${upstream}
policies: [file:policies/*.yaml]
limits: { connections: 5000, perAddress: 5000 }
sessions: { perIdentity: 5000 }
drain: 0s
`;
}
