import { setImmediate as turn } from "node:timers/promises";
import { Approvals, type ApprovalStore } from "@gatehouse/approvals";
import {
  type AccessTerms,
  type Answer,
  type Approval,
  type AuditEvent,
  GatehouseError,
  type Grant,
  type Hold,
  type HoldNotice,
  type IdSource,
  type Session,
} from "@gatehouse/core";
import { createFakeClock, createMemoryLog, sampleSession } from "@gatehouse/testkit";
import { type Entry, Grants, type GrantStore } from "../src/index.ts";

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

/** What one policy asks for: one of the group dba, unless said otherwise. */
export function hold(changed: Partial<Hold> = {}): Hold {
  return {
    rule: { policy: "writers", rule: "access", source: "writers.yaml:4" },
    approvers: [{ groups: ["dba"], count: 1 }],
    expires: 15 * MINUTE,
    reasons: [],
    scope: { same: "command", for: "once" },
    unanswered: "refuse",
    ...changed,
  };
}

export function person(subject: string, ...groups: string[]): Answer["by"] {
  const proof = { method: "oidc", provider: "corp", issuer: "https://idp.example.com" } as const;
  return { subject, kind: "human", groups, proof };
}

export const dana = person("dana", "dba");
export const erik = person("erik", "dba");
/** Nobody that any policy asks for. */
export const olga = person("olga", "others");

/** A session that may come to be, of the same workload. */
export function session(id: string, subject: string = sampleSession.identity.subject): Session {
  return { ...sampleSession, id, identity: { ...sampleSession.identity, subject } };
}

export const who = sampleSession.identity;

/** What both stores of one state folder hold, whichever run writes to them. */
export function stateFolder() {
  return { approvals: new Map<string, Approval>(), grants: new Map<string, Grant>(), failing: false };
}

function approvalStore({ approvals }: ReturnType<typeof stateFolder>): ApprovalStore {
  const open = ({ state, outcome }: Approval) =>
    state === "pending" || state === "approved" || (state === "spent" && outcome === undefined);
  return {
    save: (approval) => void approvals.set(approval.id, approval),
    get: (id) => approvals.get(id),
    unfinished: () => [...approvals.values()].filter(open),
    list: () => [...approvals.values()].reverse(),
    forget: () => 0,
    close: () => undefined,
  };
}

function grantStore(folder: ReturnType<typeof stateFolder>): GrantStore {
  const { grants } = folder;
  return {
    save(grant) {
      if (folder.failing) throw new GatehouseError("STORE_FAILED", "The store has no room.");
      // As a database has it: nothing of the object itself.
      grants.set(grant.id, JSON.parse(JSON.stringify(grant)) as Grant);
    },
    get: (id) => grants.get(id),
    living: (now) => [...grants.values()].filter(({ until, revoked }) => now < until && !revoked),
    forget: () => 0,
    close: () => undefined,
  };
}

/** One run of a gateway's grants and approvals, whose time, log, policies and stores are the test's. */
export async function runWith({
  folder = stateFolder(),
  clock = createFakeClock(Date.UTC(2026, 10, 21, 12)),
  terms = { holds: [hold()], lasts: HOUR } satisfies AccessTerms,
  first = 0,
} = {}) {
  const log = createMemoryLog();
  const events: AuditEvent[] = [];
  const state: { terms: AccessTerms | undefined; auditFails: (event: AuditEvent) => boolean } = {
    terms,
    auditFails: () => false,
  };
  const audit = {
    append: async (event: AuditEvent) => {
      await turn();
      if (state.auditFails(event)) throw new Error("disk full");
      events.push(event);
    },
  };
  let made = first;
  const ids: IdSource = (prefix) => `${prefix}_${String(++made).padStart(16, "0")}`;
  const limits = () => ({
    ...{ perIdentity: 3, pending: 100, keep: 24 * HOUR },
    ...{ repeat: undefined, url: undefined },
  });
  const approvals = new Approvals({ store: approvalStore(folder), audit, clock, ids, log, limits });
  const grants = new Grants({
    ...{ approvals, audit, clock, ids, log, limits: () => ({ keep: 24 * HOUR, waiting: 4 }) },
    store: grantStore(folder),
    policies: () => ({ version: "v1", access: () => state.terms }),
  });
  await approvals.recover();
  grants.recover();
  return {
    ...{ approvals, grants, clock, log, events, state, folder },
    types: () => events.map(({ type }) => type),
    /** A log-in that waits. */
    enter: (asked: Session, reason?: string) => {
      const notices: HoldNotice[] = [];
      const leaving = new AbortController();
      const entry = grants.enter(asked, {
        waits: (notice) => notices.push(notice),
        gone: leaving.signal,
        reason,
      });
      let settled: Entry | undefined;
      void entry.then((came) => {
        settled = came;
      });
      return { entry, notices, leave: () => leaving.abort(), settled: () => settled };
    },
    /** The approvals that wait, the oldest first. */
    pending: () => approvals.list({ states: ["pending"], limit: 100 }).toReversed(),
    /** Somebody's yes to what waits alone. */
    approve: async (by: Answer["by"] = dana, reason?: string) => {
      const [only, ...others] = approvals.list({ states: ["pending"], limit: 100 });
      if (!only || others.length > 0) throw new Error("not one approval waits");
      await approvals.answer(only.id, by, { answer: "approve", reason });
      await settle();
      return only.id;
    },
    pass: async (milliseconds: number) => {
      clock.advance(milliseconds);
      approvals.sweep();
      await settle();
    },
  };
}

/** Lets everything come to rest that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  for (let turns = 0; turns < 10; turns++) await turn();
}
