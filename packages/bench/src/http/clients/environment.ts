import { readFileSync } from "node:fs";
import type { Site } from "../site.ts";
import type { Asked, HttpPeer } from "../stage.ts";

/** What the clients that are Node's are told: where they go, and by whose token. Not as arguments, which all can read. */
export function clientEnvironment(
  { tls, token }: Site,
  peer: HttpPeer,
  asked: Asked,
): Record<string, string> {
  return { URL: peer.url(asked), TOKEN: token, CA: tls.ca };
}

/** The same, in the client. */
export function readEnvironment(): {
  readonly url: URL;
  readonly ca: string;
  readonly authorization: string;
} {
  const environment = process.env;
  return {
    url: new URL(environment["URL"] ?? ""),
    ca: readFileSync(environment["CA"] ?? "", "utf8"),
    authorization: `Bearer ${environment["TOKEN"] ?? ""}`,
  };
}
