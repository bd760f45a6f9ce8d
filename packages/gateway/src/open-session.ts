import type { AuditLog, Clock, Lease, Logger, OpenSession, Session } from "@gatehouse/core";
import { messageOf } from "@gatehouse/core";
import type { SessionRegistry } from "@gatehouse/sessions";
import { actorOf, type Enforcement } from "./enforcement.ts";

export interface OpenSessionOptions {
  readonly session: Session;
  readonly lease: Lease;
  readonly enforcement: Enforcement;
  readonly sessions: SessionRegistry;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Opens a session: in the registry, so that a gateway which drains waits for it, and on the audit log, before it
 * is anybody's.
 * @throws what the audit log throws; nothing is open then
 */
export async function openSession(options: OpenSessionOptions): Promise<OpenSession> {
  const { session, lease, enforcement, sessions, audit, clock, log } = options;
  const { identity, target, client, application } = session;
  const registered = sessions.open(session);
  try {
    await audit.append({
      type: "session.opened",
      ...actorOf(session),
      protocol: target.protocol,
      kind: identity.kind,
      groups: identity.groups,
      proof: identity.proof,
      client,
      application,
    });
  } catch (error) {
    registered.close();
    throw error;
  }
  const enforced = enforcement.of(session);
  let closed = false;
  const named = {
    session: session.id,
    subject: identity.subject,
    target: target.name,
    as: session.level.name,
  };
  log.info({ ...named, client }, "session opened");
  return {
    session,
    lease,
    ended: registered.ended,
    activity: (activity) => registered.activity(activity),
    get masks() {
      return enforced.masks;
    },
    decide: (command, held) => enforced.decide(command, held),
    refuse: (refused) => enforced.refuse(refused),
    async close(end, detail) {
      if (closed) return;
      closed = true;
      const { commands, refused } = enforced;
      const duration = clock.now() - session.openedAt;
      const summary = { end, ...(detail === undefined ? {} : { detail }), commands, refused, duration };
      log.info({ ...named, ...summary }, "session closed");
      try {
        await audit.append({ type: "session.closed", ...actorOf(session), ...summary });
      } catch (error) {
        // Nothing is left to refuse; that the log lacks its end is the operator's to know.
        log.error(
          { session: session.id, error: messageOf(error) },
          "audit failed: a session's end is not on the log",
        );
      } finally {
        await lease.release();
        registered.close();
      }
    },
  };
}
