import type { Socket } from "node:net";
import { type Address, type Clock, GatehouseError, type Listener, type ServeOptions } from "@gatehouse/core";
import { hangUp, serveClients } from "@gatehouse/wire";
import { accept } from "./accept.ts";
import type { Budgets } from "./budgets/budgets.ts";
import { ClientConnection } from "./client-connection.ts";
import type { ClientCredentials } from "./credentials/client-credentials.ts";
import { Http2Connection } from "./h2/client-connection.ts";
import { encodeOwnAnswer, refusalAnswer } from "./refusal.ts";
import { listenerSettingsOf } from "./settings.ts";
import type { TargetLinks } from "./upstream/target-links.ts";

/** Milliseconds in which a client that was told that it is over has to take that in. */
const PATIENCE = 5000;

/** What all connections of the protocol have in common, by whichever listener they come. */
export interface Shared {
  readonly budgets: Budgets;
  readonly links: TargetLinks;
  readonly tokens: ClientCredentials;
  readonly clock: Clock;
}

/** Serves HTTP clients on one address. */
export function serve(options: ServeOptions, shared: Shared): Promise<Listener> {
  const { address, limits, log } = options;
  const { connections, perAddress, keepalive } = limits;
  return serveClients(address, {
    ...{ connections, perAddress, keepalive, log },
    run: (socket, loggedIn) => run(socket, options, { ...shared, loggedIn }),
  });
}

async function run(
  raw: Socket,
  options: ServeOptions,
  shared: Shared & { readonly loggedIn: () => void },
): Promise<void> {
  const { address, limits, plaintext, gate, log } = options;
  const client: Address =
    "socket" in address ? address : { host: raw.remoteAddress ?? "", port: raw.remotePort ?? 0 };
  // A client that is silent, or slow on purpose, holds a place no longer than this.
  const deadline = new AbortController();
  const timer = setTimeout(() => {
    deadline.abort();
    raw.destroy();
  }, limits.startup);
  try {
    const accepted = await accept(raw, options, deadline.signal);
    clearTimeout(timer);
    if (accepted === undefined) {
      raw.destroy();
      return;
    }
    const { secure, socket } = accepted;
    if (!secure && !plaintext) {
      await refusePlaintext(socket, gate, client);
      return;
    }
    const { hosts } = listenerSettingsOf(options.settings);
    const Connection = secure && accepted.isHttp2 ? Http2Connection : ClientConnection;
    await new Connection(socket, { ...options, ...shared, hosts, client }).run();
  } catch (error) {
    raw.destroy();
    if (!(error instanceof GatehouseError)) throw error;
    // Port scans and broken clients: worth a line for who looks for it, and no more.
    log.debug({ client, error: error.message }, "a connection was given up");
  } finally {
    clearTimeout(timer);
  }
}

/** What it has sent may have been a token: whoever has seen it on its way may use it, and its owner should know. */
async function refusePlaintext(socket: Socket, gate: ServeOptions["gate"], client: Address): Promise<void> {
  const attempt = { protocol: "http", target: "", level: "", application: "", client };
  const refusal = await gate.rejectLogin(attempt, {
    kind: "plaintext",
    message: "The gateway takes no unencrypted connections.",
    hint: "Use https:// in the base URL. If a token was in this request, have it replaced.",
  });
  await hangUp(socket, PATIENCE, encodeOwnAnswer(refusalAnswer(refusal), { close: true }));
}
