import type { AuditEvent, AuditLog, Clock, Lease, Logger, OpenSession, Session } from "@gatehouse/core";
import { messageOf } from "@gatehouse/core";
import type { SessionRegistry } from "@gatehouse/sessions";
import { actorOf, type Enforcement } from "./enforcement.ts";

export interface OpenSessionOptions {
  readonly session: Session;
  /** Acquires the credential that it has at its target. */
  readonly acquire: () => Promise<Lease>;
  readonly enforcement: Enforcement;
  readonly sessions: SessionRegistry;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Opens a session: in the registry, so that a gateway which drains waits for it and nobody has more than they may; with a lease; and
 * on the audit log, before it is anybody's.
 * @throws TooManySessions, and what `acquire` and the audit log throw; nothing is open then
 */
export async function openSession(options: OpenSessionOptions): Promise<OpenSession> {
  const { session, enforcement, sessions, log } = options;
  const registered = sessions.open(session);
  let lease: Lease;
  try {
    lease = await recorded(options);
  } catch (error) {
    registered.close();
    throw error;
  }
  const enforced = enforcement.of(session);
  let closed = false;
  const named = {
    session: session.id,
    subject: session.identity.subject,
    target: session.target.name,
    as: session.level.name,
  };
  log.info({ ...named, client: session.client, user: lease.user }, "session opened");
  /** What has happened can't be refused any more: that the log lacks it is the operator's to know. */
  const note = async (event: AuditEvent) => {
    try {
      await options.audit.append(event);
    } catch (error) {
      log.error(
        { session: session.id, event: event.type, error: messageOf(error) },
        "audit failed: an event is not on the log",
      );
    }
  };
  return {
    session,
    lease,
    ended: registered.ended,
    activity: (activity) => registered.activity(activity),
    get masks() {
      return enforced.masks;
    },
    decide: (command, waited) => enforced.decide(command, waited),
    recall: (approval) => enforced.recall(approval),
    standing: (approval) => enforced.standing(approval),
    refuse: (refused) => enforced.refuse(refused),
    moved: (transfer) => note({ type: "file.moved", ...actorOf(session), ...transfer }),
    recorded: (recording) => note({ type: "recording.saved", ...actorOf(session), ...recording }),
    async close(end, detail) {
      if (closed) return;
      closed = true;
      const { commands, refused } = enforced;
      const duration = options.clock.now() - session.openedAt;
      const summary = { end, ...(detail === undefined ? {} : { detail }), commands, refused, duration };
      log.info({ ...named, ...summary }, "session closed");
      try {
        await options.audit.append({ type: "session.closed", ...actorOf(session), ...summary });
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

/** A lease for the session, when that it is opened with it is on the audit log. */
async function recorded({ session, acquire, audit }: OpenSessionOptions): Promise<Lease> {
  const { identity, target, client, application, grant } = session;
  const lease = await acquire();
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
      user: lease.user,
      ...(lease.certified ? { certificate: lease.certified } : {}),
      ...(grant ? { grant: grant.id } : {}),
    });
    return lease;
  } catch (error) {
    await lease.release();
    throw error;
  }
}
