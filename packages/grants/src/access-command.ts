import { createHash } from "node:crypto";
import type { Address, Command, Identity, Level, Session, Target } from "@gatehouse/core";
import { formatDuration } from "@gatehouse/documents";

/** Who wants in, and where. */
export interface Place {
  readonly identity: Identity;
  readonly target: Target;
  readonly level: Level;
}

/** What is asked for beforehand. */
export interface AccessRequest extends Place {
  /** Where it was asked from. */
  readonly client: Address;
  /** Milliseconds; as long as the policies let a grant last where it is left out. */
  readonly lasts?: number | undefined;
  readonly reason?: string | undefined;
}

/**
 * Getting in at a level for a time, as approvals know what is held.
 * @param lasts milliseconds
 */
export function accessCommand({ target, level }: Place, lasts: number, reason: string | undefined): Command {
  const text = `access to ${target.name} as ${level.name} for ${formatDuration(lasts)}`;
  const fingerprint = createHash("sha256")
    .update(JSON.stringify(["access", target.protocol, target.name, level.name, lasts]))
    .digest("hex");
  return {
    protocol: target.protocol,
    kind: "access",
    verbs: ["ACCESS"],
    // What will be done with it, the rules decide on then.
    access: "unknown",
    resources: [],
    text,
    parameters: [],
    facts: {},
    outline: text,
    touches: [],
    reason,
    fingerprint: () => fingerprint,
  };
}

/** The session of what is asked for beforehand: there is none, and so it has no id. */
export function noSession({ identity, target, level, client }: AccessRequest, now: number): Session {
  return { id: "", identity, target, level, client, application: "", openedAt: now };
}
