import { join } from "node:path";
import { freePort } from "@gatehouse/testkit";
import { accepts, startService } from "../../processes.ts";
import { SECRET, type Site } from "../site.ts";
import type { HttpPeer } from "../stage.ts";

const MAIN = join(import.meta.dirname, "node-main.ts");

/** A proxy of a few lines, of what Node's users have: node:https towards clients, undici towards targets. */
export async function startNodeProxy({ ports, tls, folder, signal }: Site): Promise<HttpPeer> {
  const port = await freePort();
  const { pid, stop } = await startService(
    {
      program: process.execPath,
      args: ["--disable-warning=ExperimentalWarning", MAIN, String(port)],
      env: {
        ...{ CERT: tls.cert, KEY: tls.key, CA: tls.ca, SECRET },
        ...{ API: `https://127.0.0.1:${ports.api}`, MODEL: `https://127.0.0.1:${ports.model}` },
      },
      cwd: folder,
      signal,
    },
    () => accepts({ port, host: "127.0.0.1" }),
  );
  return {
    name: "node",
    pid,
    url: ({ target, path }) => `https://127.0.0.1:${port}/${target}${path}`,
    stop: () => stop("SIGTERM"),
  };
}
