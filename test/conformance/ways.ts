import { join } from "node:path";
import { type ClientEnvironment, type Door, environmentsOf } from "./clients.ts";
import { makeCertificates, startGateway } from "./gateway.ts";
import { startCluster } from "./postgres.ts";

/** The two ways to go, each with a cluster of its own behind it: the suites change more than their databases. */
export interface Ways {
  readonly straight: Readonly<Record<Door, ClientEnvironment>>;
  readonly gateway: Readonly<Record<Door, ClientEnvironment>>;
  stop(): Promise<void>;
}

/**
 * Starts what a run needs, in `folder`.
 * @param bindir where PostgreSQL's programs are
 * @param signal stops the start
 * @param control leaves the gateway out of the second way: what differs then, differs by itself
 */
export async function startWays(
  folder: string,
  { bindir, control, signal }: { bindir: string; control: boolean; signal: AbortSignal },
): Promise<Ways> {
  const services: { stop(): Promise<void> }[] = [];
  const stop = async () => {
    for (const service of services.splice(0).reverse()) await service.stop();
  };
  try {
    const certificates = await makeCertificates(folder);
    const { caFile, server } = certificates;
    const tls = { certificatePem: server.certificatePem, keyPem: server.key.reveal(), caFile };
    const one = await startCluster(join(folder, "cluster-1"), bindir, tls);
    services.push(one);
    signal.throwIfAborted();
    const other = await startCluster(join(folder, "cluster-2"), bindir, tls);
    services.push(other);
    const straight = environmentsOf(one, caFile);
    if (control) return { straight, gateway: environmentsOf(other, caFile), stop };
    signal.throwIfAborted();
    const gateway = await startGateway(join(folder, "gateway"), other, certificates);
    services.push(gateway);
    return { straight, gateway: environmentsOf(gateway, caFile), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
