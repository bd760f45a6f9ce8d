import { startConversation } from "../processes.ts";
import type { Site } from "./site.ts";
import type { Asked, SshPeer } from "./stage.ts";

const READY = "ready";
/** Milliseconds that a terminal may take to say something. */
const PATIENCE = 60_000;

/** A terminal at the target in which nothing happens but what is typed. */
export interface Terminal {
  /** Types a key, and resolves when the target's terminal shows it. */
  echoed(key: string): Promise<void>;
  stop(): Promise<void>;
}

export async function startTerminal(
  site: Site,
  peer: SshPeer,
  asked: Pick<Asked, "masked"> = {},
): Promise<Terminal> {
  const { programs, folder, signal } = site;
  const args = peer.ssh({ ...asked, command: `echo ${READY}; sleep 1800`, terminal: true });
  const conversation = startConversation({ program: programs.ssh, args, cwd: folder, signal }, PATIENCE);
  try {
    await conversation.heard(`${READY}\r\n`);
  } catch (error) {
    await conversation.stop();
    throw error;
  }
  return {
    echoed(key) {
      conversation.say(key);
      return conversation.heard(key);
    },
    stop: () => conversation.stop(),
  };
}
