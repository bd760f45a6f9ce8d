import { createHash, timingSafeEqual } from "node:crypto";
import { type Command, type Hold, identityKey, type Session } from "@gatehouse/core";
import { scopeOf } from "./scope.ts";

/** A command of a session, and what holds it. */
export interface Asked {
  readonly session: Session;
  readonly command: Command;
  readonly holds: readonly [Hold, ...Hold[]];
}

/**
 * SHA-256 in hex over the command, who asks for it, in which session, of which target at which level: an approval is
 * good for what has this digest. Undefined where the command has no fingerprint.
 * @param detached it may be run in any session of whoever asks for it
 */
export function digestOf(
  { session, command }: Pick<Asked, "session" | "command">,
  detached: boolean,
): string | undefined {
  const fingerprint = command.fingerprint?.("command");
  if (fingerprint === undefined) return undefined;
  // From one session to the next, the config can have another system under a target's name.
  const within = detached ? ["detached", JSON.stringify(session.target.addresses)] : ["command", session.id];
  return sha256([...within, fingerprint, ...whoAndWhere(session)]);
}

/**
 * What a yes to one command is good for beside it: the commands of the same key. Undefined where it is good for that
 * command alone.
 */
export function keyOf({ session, command, holds }: Asked): string | undefined {
  const scope = scopeOf(holds);
  if (scope.for === "once") return undefined;
  const fingerprint = command.fingerprint?.(scope.same);
  const within = scope.for === "session" ? session.id : null;
  return fingerprint && sha256([scope.same, fingerprint, ...whoAndWhere(session), within, termsOf(holds)]);
}

/** Takes the same time wherever they differ. */
export function sameDigest(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** What holds ask for, as one text: the same for the same terms, on whatever line of the policy they stand. */
export function termsOf(holds: readonly Hold[]): string {
  return JSON.stringify(holds, (key, value: unknown) => (key === "source" ? undefined : value));
}

function whoAndWhere({ identity, target, level }: Session): string[] {
  return [identityKey(identity), target.protocol, target.name, level.name];
}

/** As JSON, in which no part can pass for the end of the one before it. */
function sha256(parts: readonly (string | null)[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
