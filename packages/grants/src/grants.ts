import type { Approvals, NotHeld, Person } from "@gatehouse/approvals";
import { couldApprove } from "@gatehouse/approvals";
import {
  type AccessTerms,
  type Approval,
  type AuditLog,
  type Clock,
  type Decision,
  errorCodes,
  GatehouseError,
  type Grant,
  type IdSource,
  identityKey,
  type Logger,
  messageOf,
  type PolicyEngine,
  type Refusal,
  type Session,
} from "@gatehouse/core";
import { formatDuration } from "@gatehouse/documents";
import { type AccessRequest, accessCommand, noSession, type Place } from "./access-command.ts";
import { Ask } from "./ask.ts";
import { CurrentGrants, isLiving } from "./current.ts";
import type { Entrance, Entry, Waiting } from "./entrance.ts";
import type { GrantStore } from "./store.ts";
import * as words from "./words.ts";

type Refused = Extract<Entry, { ok: false }>;

export interface GrantLimits {
  /** Milliseconds for which grants that have ended are kept. */
  readonly keep: number;
  /** Log-ins of one identity that may wait at once: each holds a connection for as long as people take. */
  readonly waiting: number;
}

export interface GrantsOptions {
  readonly approvals: Pick<Approvals, "hold" | "claim" | "recorded">;
  readonly store: GrantStore;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: Logger;
  /** As they are at this moment. */
  readonly policies: () => Pick<PolicyEngine, "access" | "version">;
  /** As they are at this moment. */
  readonly limits: () => GrantLimits;
}

const MINUTE = 60_000;

/**
 * Who gets in by somebody's yes, and for how long. A grant is on the audit log and in the store before it lets anybody in;
 * what was asked for and not answered yet does not outlive the process, and a grant does.
 */
export class Grants implements Entrance {
  readonly #options: GrantsOptions;
  readonly #current = new CurrentGrants();
  readonly #asks = new Set<Ask>();
  /** Taken back, and the store does not have it yet. */
  readonly #unsaved = new Set<string>();
  readonly #listeners = new Set<(grant: Grant) => void>();

  constructor(options: GrantsOptions) {
    this.#options = options;
  }

  /** Takes up what another run has left. To be called before anybody gets in. @throws GatehouseError STORE_FAILED */
  recover(): void {
    const { store, clock, limits } = this.#options;
    const now = clock.now();
    for (const grant of store.living(now)) this.#current.put(grant, now);
    store.forget(now - limits().keep);
  }

  async enter(session: Session, waiting: Waiting): Promise<Entry> {
    try {
      return await this.#enter(session, waiting);
    } catch (error) {
      this.#options.log.error(
        { session: session.id, error: messageOf(error) },
        "a grant can't be looked for",
      );
      return words.failed(messageOf(error));
    }
  }

  async #enter(session: Session, { waits, gone, reason }: Waiting): Promise<Entry> {
    const before = this.#look(session);
    if ("entry" in before) return before.entry;
    if (!waits) return words.cannotWait(session);
    if (gone?.aborted === true) return words.clientGone();
    const { terms } = before;
    const others = [...this.#asks].reduce((sum, ask) => sum + ask.waitingOf(session.identity), 0);
    if (others >= this.#options.limits().waiting) return words.notAsked(session, "too_many");
    // A pool that opens ten connections asks once.
    const asked = this.#pending(session, terms) ?? this.#ask(session, terms, terms.lasts, reason);
    if ("refused" in asked) return words.notAsked(session, asked.refused);
    waits(words.noticeOf(session, terms.holds, asked.held.notice));
    const refused = await asked.wait(gone);
    if (refused === "gone") return words.clientGone();
    const after = this.#look(session);
    return "entry" in after ? after.entry : (refused ?? words.notStanding(session));
  }

  /**
   * Asks for a grant beforehand. Resolves when that is on record, and somebody can answer; the grant is issued with their yes.
   * The same asked for again is the same approval.
   * @throws GatehouseError GRANT_NOT_NEEDED, REQUEST_INVALID, REQUEST_LIMITED, APPROVAL_REASON, AUDIT_FAILED
   */
  async request(asked: AccessRequest): Promise<Approval> {
    const { approvals, policies, clock } = this.#options;
    const terms = policies().access(asked);
    if (!terms) throw new GatehouseError("GRANT_NOT_NEEDED", errorCodes.GRANT_NOT_NEEDED);
    const { lasts = terms.lasts, reason } = asked;
    if (!(lasts >= MINUTE && lasts <= terms.lasts)) {
      const most = formatDuration(terms.lasts);
      throw new GatehouseError("REQUEST_INVALID", `A grant for this lasts from 1m to ${most}.`);
    }
    const same = this.#pending(asked, terms, { lasts, reason });
    const ask = same ?? this.#ask(noSession(asked, clock.now()), terms, lasts, reason);
    if ("refused" in ask) throw notAsked(ask);
    ask.beforehand = true;
    const approval = await approvals.recorded(ask.held);
    if (!approval) throw new GatehouseError("AUDIT_FAILED", errorCodes.AUDIT_FAILED);
    return approval;
  }

  /** The living ones that somebody may see: their own, and those that they could have said yes to. The newest first. */
  list(viewer: Person): readonly Grant[] {
    return this.#current
      .living(this.#options.clock.now())
      .filter((grant) => concerns(grant, viewer))
      .sort((one, other) => other.from - one.from);
  }

  /** Also one that has ended, as long as it is kept. @throws GatehouseError GRANT_UNKNOWN, STORE_FAILED */
  show(viewer: Person, id: string): Grant {
    const grant = this.#current.get(id) ?? this.#options.store.get(id);
    if (!grant || !concerns(grant, viewer)) {
      throw new GatehouseError("GRANT_UNKNOWN", errorCodes.GRANT_UNKNOWN);
    }
    return grant;
  }

  /**
   * Takes a grant back: its holder, or anybody who could have said yes to it. From the call on it lets nobody in, and the sessions
   * that it has let in end.
   * @throws GatehouseError GRANT_UNKNOWN, GRANT_ENDED: nothing has changed; STORE_FAILED: a restart would bring it back, so that it
   * is to be tried again
   */
  async revoke(id: string, by: Person, reason?: string): Promise<Grant> {
    const { clock, store, log } = this.#options;
    const now = clock.now();
    const grant = this.show(by, id);
    if (!isLiving(grant, now) && !this.#unsaved.has(id)) {
      throw new GatehouseError("GRANT_ENDED", errorCodes.GRANT_ENDED);
    }
    const revoked = grant.revoked ? grant : { ...grant, revoked: revocation(by, now, reason) };
    this.#unsaved.add(id);
    this.#current.put(revoked, now);
    if (!grant.revoked) {
      this.#tell(revoked);
      await this.#noteRevoked(revoked);
    }
    try {
      store.save(revoked);
    } catch (error) {
      log.error(
        { grant: id, error: messageOf(error) },
        "a grant was taken back, and a restart would bring it back",
      );
      throw error;
    }
    this.#unsaved.delete(id);
    return revoked;
  }

  /** Why a session can't go on by its grant; undefined where it can. Its time is not looked at. */
  revocationOf({ grant }: Pick<Session, "grant">): Omit<Refusal, "reference"> | undefined {
    const known = grant && this.#current.get(grant.id);
    return known?.revoked && words.revocationOf(known);
  }

  /** Tells of each grant that is taken back, as soon as it lets nobody in any more. @returns ends it */
  onRevoked(listener: (grant: Grant) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** How somebody gets in as things are; the terms where they can't yet. */
  #look(place: Place): { readonly entry: Entry } | { readonly terms: AccessTerms } {
    const { policies, clock } = this.#options;
    const terms = policies().access(place);
    if (!terms) return { entry: { ok: true } };
    const grant = this.#current.find(place, terms, clock.now());
    if (!grant) return { terms };
    const { id, until } = grant;
    return { entry: { ok: true, grant: { id, until } } };
  }

  /** What was asked for already, and waits. @param exactly for a request, which says for how long, and may say why */
  #pending(
    place: Place,
    { holds }: AccessTerms,
    exactly?: { readonly lasts: number; readonly reason: string | undefined },
  ): Ask | undefined {
    return [...this.#asks].find(
      (ask) =>
        ask.isFor(place, holds) &&
        (!exactly ||
          (ask.lasts === exactly.lasts &&
            (exactly.reason === undefined || exactly.reason === ask.command.reason))),
    );
  }

  #ask(session: Session, terms: AccessTerms, lasts: number, reason: string | undefined): Ask | NotHeld {
    const { approvals, policies } = this.#options;
    const { holds } = terms;
    const command = accessCommand(session, lasts, reason);
    const { kind, verbs, access, resources, text } = command;
    const held = approvals.hold({
      session,
      command,
      commandForAudit: { kind, verbs, access, resources, text },
      holds,
      policyVersion: policies().version,
      commands: 0,
      refused: 0,
      recent: [],
    });
    if ("refused" in held) return held;
    const settle = (ask: Ask) => this.#settle(ask).finally(() => this.#asks.delete(ask));
    const ask = new Ask({ session, command, held, holds, lasts, settle });
    this.#asks.add(ask);
    return ask;
  }

  async #settle(ask: Ask): Promise<Refused | undefined> {
    try {
      return await this.#issue(ask);
    } catch (error) {
      const { approval } = ask.held;
      this.#options.log.error({ approval, error: messageOf(error) }, "a grant was not issued");
      ask.held.outcome("failed");
      return words.failed(`${approval}: ${messageOf(error)}`);
    }
  }

  /** Makes the grant, where all have said yes and the terms are still what they were. */
  async #issue(ask: Ask): Promise<Refused | undefined> {
    const { approvals, audit, store, clock, ids, limits } = this.#options;
    const { session, command, held, lasts } = ask;
    const { terms, decision } = this.#decide(session);
    const claim = approvals.claim(held, { session, command, decision });
    const approval = await approvals.recorded(held);
    if (!claim.ok || !terms || !approval) return words.notGranted(session, approval);
    const grant = grantOf(approval, ids("grt"), clock.now(), Math.min(lasts, terms.lasts));
    try {
      await audit.append(issuedEvent(grant));
    } catch (error) {
      claim.unrecorded();
      throw error;
    }
    claim.recorded();
    store.save(grant);
    this.#current.put(grant, clock.now());
    held.outcome("done");
    this.#asks.delete(ask);
    for (const other of this.#asks) {
      if (!other.beforehand && other.isFor(session, approval.holds)) other.held.gone("overtaken");
    }
    store.forget(clock.now() - limits().keep);
    return undefined;
  }

  /** What the policies say of getting in now, as approvals know decisions. */
  #decide(place: Place): { readonly terms: AccessTerms | undefined; readonly decision: Decision } {
    const policies = this.#options.policies();
    const { version: policyVersion } = policies;
    const terms = policies.access(place);
    if (!terms) return { terms, decision: { effect: "block", rule: null, message: "", policyVersion } };
    const { holds } = terms;
    return { terms, decision: { effect: "hold", rule: holds[0].rule, holds, policyVersion } };
  }

  #tell(grant: Grant): void {
    for (const listener of this.#listeners) listener(grant);
  }

  /** What takes a right away happens all the same where the audit log does not take it. */
  async #noteRevoked({ id, revoked }: Grant): Promise<void> {
    if (!revoked) return;
    const { by, reason } = revoked;
    try {
      await this.#options.audit.append({
        type: "grant.revoked",
        grant: id,
        by,
        ...(reason === undefined ? {} : { reason }),
      });
    } catch (error) {
      this.#options.log.error(
        { grant: id, error: messageOf(error) },
        "audit failed: a grant was taken back, and that is not on the log",
      );
    }
  }
}

function concerns({ identity, holds }: Grant, viewer: Person): boolean {
  return identityKey(identity) === identityKey(viewer) || couldApprove(holds, viewer);
}

/** @param lasts milliseconds */
function grantOf(approval: Approval, id: string, from: number, lasts: number): Grant {
  const { requester, target, level, holds, answers, reason } = approval;
  return {
    id,
    identity: requester,
    target,
    level,
    from,
    until: from + lasts,
    holds,
    approval: approval.id,
    by: answers.flatMap(({ answer, by }) => (answer === "approve" ? [by] : [])),
    ...(reason === undefined ? {} : { reason }),
  };
}

function issuedEvent({ id, approval, identity, target, level, until }: Grant) {
  return {
    type: "grant.issued",
    grant: id,
    approval,
    subject: identity.subject,
    target,
    level,
    until: new Date(until).toISOString(),
  } as const;
}

function revocation(
  { subject, kind, groups, proof }: Person,
  at: number,
  reason: string | undefined,
): Grant["revoked"] & {} {
  return { by: { subject, kind, groups, proof }, at, ...(reason === undefined ? {} : { reason }) };
}

function notAsked({ refused }: NotHeld): GatehouseError {
  switch (refused) {
    case "reason":
      return new GatehouseError("APPROVAL_REASON", "The policy wants a reason, and there is none.", {
        hint: "Say why, with --reason.",
      });
    case "too_many":
      return new GatehouseError("REQUEST_LIMITED", "Too much waits for people already.", {
        hint: "Try again when some of it is answered: gatehouse approvals",
      });
    case "unheld":
      return new GatehouseError("INTERNAL", errorCodes.INTERNAL);
  }
}
