import { join } from "node:path";
import { makeCertificates, startGateway } from "./gateway.ts";
import { environmentOf, startCluster } from "./postgres.ts";

/** The environment of a client, by the names that libpq looks for. */
export type ClientEnvironment = Readonly<Record<string, string>>;

/** The two ways to go, each with a cluster of its own behind it: the suites change more than their databases. */
export interface Ways {
  readonly straight: ClientEnvironment;
  readonly gateway: ClientEnvironment;
  stop(): Promise<void>;
}

/**
 * Starts what a run needs, in `folder`.
 * @param bindir where PostgreSQL's programs are
 * @param control leaves the gateway out of the second way: what differs then, differs by itself
 */
export async function startWays(
  folder: string,
  { bindir, control }: { bindir: string; control: boolean },
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
    const other = await startCluster(join(folder, "cluster-2"), bindir, tls);
    services.push(other);
    const straight = environmentOf(one, caFile);
    if (control) return { straight, gateway: environmentOf(other, caFile), stop };
    const gateway = await startGateway(join(folder, "gateway"), other, certificates);
    services.push(gateway);
    return { straight, gateway: gateway.environment, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
