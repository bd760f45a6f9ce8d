import { type Protocol, systemClock } from "@gatehouse/core";
import { sshFacts } from "./commands.ts";
import { serve } from "./server.ts";
import {
  levelSettingsOf,
  settingsOf,
  sshLevelSettings,
  sshListenerSettings,
  sshSettings,
} from "./settings.ts";
import { connectTarget } from "./target-connection.ts";
import { understand } from "./understand.ts";
import { disconnectReason } from "./codec/disconnect.ts";
import { KEEPALIVE } from "@gatehouse/wire";

/** SSH 2.0 (RFC 4251 to 4254), with what OpenSSH adds to it. */
export function ssh(): Protocol {
  return {
    name: "ssh",
    facts: sshFacts,
    security: "own",
    credentials: {
      proofs: ["password", "key", "authority"],
      user: (level, settings) => levelSettingsOf(settings).login ?? level,
    },
    listenerSettings: sshListenerSettings,
    targetSettings: sshSettings,
    levelSettings: sshLevelSettings,
    serve: (options) => serve(options, systemClock),
    understand,
    probe: async (target, lease) => {
      const settings = settingsOf(target);
      const options = { clock: systemClock, keepalive: KEEPALIVE };
      const { transport } = await connectTarget({ ...target, settings }, lease, options);
      transport.disconnect(disconnectReason.byApplication, "That was all.");
    },
    status: () => ({ ok: true }),
    learn: () => Promise.resolve(),
    misfits: () => [],
    dispose: () => Promise.resolve(),
  };
}
