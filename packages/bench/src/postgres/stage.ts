import type { Server } from "./server.ts";
import type { Site } from "./site.ts";

/** What the works need around them. */
export interface Stage {
  readonly site: Site;
  readonly server: Server;
}
