import type { Site } from "../site.ts";
import type { HttpPeer } from "../stage.ts";

/** The targets themselves. */
export function direct({ ports }: Site): HttpPeer {
  return {
    name: "direct",
    url: ({ target, path }) => `https://127.0.0.1:${ports[target]}${path}`,
    stop: () => Promise.resolve(),
  };
}
