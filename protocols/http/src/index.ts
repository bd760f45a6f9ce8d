import { type Protocol, systemClock } from "@gatehouse/core";
import { KEEPALIVE } from "@gatehouse/wire";
import { Budgets } from "./budgets/budgets.ts";
import { ClientCredentials } from "./credentials/client-credentials.ts";
import { askIssuer } from "./credentials/issuer.ts";
import { httpFacts } from "./facts/request-facts.ts";
import { serve } from "./server.ts";
import { httpLevelSettings, httpListenerSettings, httpSettings, levelSettingsOf } from "./settings.ts";
import { understand } from "./understand.ts";
import { dialTarget } from "./upstream/target-connection.ts";
import { TargetLinks } from "./upstream/target-links.ts";

/** HTTP/1.1 and HTTP/2 (RFC 9110, RFC 9112, RFC 9113). */
export function http(): Protocol {
  const budgets = new Budgets({ clock: systemClock });
  const links = new TargetLinks();
  const tokens = new ClientCredentials({ clock: systemClock, ask: askIssuer });
  return {
    name: "http",
    facts: httpFacts,
    security: "tls",
    credentials: {
      proofs: ["password", "certificate"],
      user: (level, settings) => levelSettingsOf(settings).user ?? level,
    },
    listenerSettings: httpListenerSettings,
    targetSettings: httpSettings,
    levelSettings: httpLevelSettings,
    serve: (options) => serve(options, { budgets, links, tokens, clock: systemClock }),
    understand,
    probe: async (target, lease) => {
      const { socket } = await dialTarget(target, lease, { keepalive: KEEPALIVE, alpn: ["http/1.1"] });
      socket.destroy();
    },
    status: () => ({ ok: true }),
    learn: () => Promise.resolve(),
    misfits: () => [],
    dispose: () => {
      tokens.close();
      links.close();
      return Promise.resolve();
    },
  };
}
