import { roleOf } from "../levels.ts";
import type { PostgresPeer, Transport } from "../stage.ts";
import type { Site } from "../site.ts";
import { clientEnvironment } from "./ways.ts";

/** The server itself. */
export function direct(site: Site, transport: Transport): PostgresPeer {
  const port = site.serverPort;
  const way = transport === "tls" ? { port } : { port, folder: site.serverSockets };
  return {
    name: "direct",
    clientEnvironment: (level) => clientEnvironment(site, way, roleOf(level), site.passwords[roleOf(level)]),
    stop: () => Promise.resolve(),
  };
}
