import { createHash } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import {
  type Answer,
  type Approval,
  type AuditEvent,
  type AuditLog,
  type Command,
  type Decision,
  GatehouseError,
  type Held,
  type Hold,
  type IdSource,
  type Session,
  type Waited,
} from "@gatehouse/core";
import { createFakeClock, createMemoryLog, sampleSession } from "@gatehouse/testkit";
import { type ApprovalLimits, Approvals, type ApprovalStore, type HoldRequest } from "../src/index.ts";

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;

/** A rule that asks for one of the group dba within 15 minutes, unless said otherwise. */
export function hold(changed: Partial<Hold> = {}): Hold {
  return {
    rule: { policy: "orders", rule: "deletes", source: "orders.yaml:7" },
    approvers: [{ groups: ["dba"], count: 1 }],
    expires: 15 * MINUTE,
    reasons: [],
    scope: { same: "command", for: "once" },
    unanswered: "refuse",
    ...changed,
  };
}

/** Somebody of a group, or of several. */
export function person(subject: string, ...groups: string[]): Answer["by"] {
  const proof = { method: "oidc", provider: "corp", issuer: "https://idp.example.com" } as const;
  return { subject, kind: "human", groups, proof };
}

export const dana = person("dana", "dba");
export const erik = person("erik", "dba");

/** A session of its own of the same workload. */
export function session(id: string, subject: string = sampleSession.identity.subject): Session {
  return { ...sampleSession, id, identity: { ...sampleSession.identity, subject } };
}

/** A command that the text, with numbers for values, is all of. */
export function command(text: string, changed: Partial<Command> = {}): Command {
  const outline = text.replace(/\d+/g, "$1");
  return {
    protocol: "postgres",
    kind: "query",
    verbs: ["DELETE"],
    access: "write",
    resources: ["public.orders"],
    text,
    parameters: [],
    facts: { functions: ["pg_catalog.now"] },
    outline,
    touches: [],
    fingerprint: (of) =>
      createHash("sha256")
        .update(of === "shape" ? outline : text)
        .digest("hex"),
    ...changed,
  };
}

export function request(changed: Partial<HoldRequest> = {}): HoldRequest {
  const asked = changed.command ?? command("DELETE FROM orders WHERE id = 7");
  const { kind, verbs, access, resources, text } = asked;
  return {
    session: session("ses_1"),
    command: asked,
    commandForAudit: { kind, verbs, access, resources, text },
    holds: [hold()],
    policyVersion: "v1",
    commands: 3,
    refused: 1,
    recent: [],
    ...changed,
  };
}

/** What the policy says of a command that these hold. */
export function decision(holds: HoldRequest["holds"]): Decision {
  return { effect: "hold", rule: holds[0].rule, holds, policyVersion: "v1" };
}

/** A store in memory, which fails when it is told to. */
export function memoryStore() {
  const rows = new Map<string, Approval>();
  const state = { failing: false };
  const usable = () => {
    if (state.failing) throw new GatehouseError("STORE_FAILED", "The store has no room.");
  };
  const store: ApprovalStore = {
    save(approval) {
      usable();
      rows.set(approval.id, approval);
    },
    get(id) {
      usable();
      return rows.get(id);
    },
    unfinished: () =>
      [...rows.values()].filter(
        ({ state, outcome }) =>
          state === "pending" || state === "approved" || (state === "spent" && outcome === undefined),
      ),
    list({ states, before, limit }) {
      usable();
      const sorted = [...rows.values()].sort(
        (a, b) => b.requestedAt - a.requestedAt || (a.id < b.id ? 1 : -1),
      );
      const from = before === undefined ? 0 : sorted.findIndex(({ id }) => id === before) + 1;
      return sorted
        .slice(from)
        .filter(({ state }) => !states || states.includes(state))
        .slice(0, limit);
    },
    forget(endedBefore) {
      let forgotten = 0;
      for (const { id, changedAt, state } of rows.values()) {
        if (state === "pending" || changedAt >= endedBefore) continue;
        rows.delete(id);
        forgotten++;
      }
      return forgotten;
    },
    close: () => undefined,
  };
  return Object.assign(store, { rows, state });
}

/** An audit log that takes events at once, or one by one as the test says. */
export function memoryAudit() {
  const events: AuditEvent[] = [];
  const waiting: { readonly event: AuditEvent; settle(ok: boolean): void }[] = [];
  const state = { stepwise: false, fails: (_event: AuditEvent) => false };
  const audit: AuditLog = {
    append: (event) =>
      new Promise((resolve, reject) => {
        const settle = (ok: boolean) => {
          if (!ok) {
            reject(new Error("disk full"));
            return;
          }
          events.push(event);
          resolve();
        };
        if (state.stepwise) waiting.push({ event, settle });
        else settle(!state.fails(event));
      }),
  };
  return Object.assign(audit, {
    events,
    waiting,
    state,
    types: () => events.map(({ type }) => type.replace("approval.", "")),
    /** Writes what is next, or fails to. */
    step(ok = true) {
      waiting.shift()?.settle(ok);
    },
  });
}

/** A service whose time, log and store are the test's. */
export function serviceWith(limits: Partial<ApprovalLimits> = {}) {
  const clock = createFakeClock(Date.UTC(2026, 10, 21, 12));
  const store = memoryStore();
  const audit = memoryAudit();
  const log = createMemoryLog();
  let made = 0;
  const ids: IdSource = (prefix) => `${prefix}_${String(++made).padStart(16, "0")}`;
  const options = {
    store,
    audit,
    clock,
    ids,
    log,
    limits: () => ({
      perIdentity: 100,
      pending: 1000,
      keep: 24 * 60 * MINUTE,
      repeat: undefined,
      url: undefined,
      ...limits,
    }),
  };
  const approvals = new Approvals(options);
  const told: string[] = [];
  approvals.subscribe((event, { id }) => told.push(`${event} ${Number(id.slice(4))}`));
  return {
    ...{ approvals, clock, store, audit, log, told, options },
    /** Has a command wait, until that is on record. */
    held: async (changed: Partial<HoldRequest> = {}): Promise<Held> => {
      const held = approvals.hold(request(changed));
      if ("refused" in held) throw new Error(`not held: ${held.refused}`);
      await settle();
      return held;
    },
    /** Moves the time on, and ends what is over. */
    pass: async (milliseconds: number): Promise<void> => {
      clock.advance(milliseconds);
      approvals.sweep();
      await settle();
    },
    claim: (held: Waited, changed: Partial<HoldRequest> = {}) => {
      const { session, command, holds } = request(changed);
      return approvals.claim(held, { session, command, decision: decision(holds) });
    },
  };
}

/** Lets everything come to rest that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  await turn();
  await turn();
}

export async function hasEnded(held: Held): Promise<boolean> {
  const open = Symbol("open");
  await settle();
  return (await Promise.race([held.ended, Promise.resolve(open)])) !== open;
}

/** Mulberry32: small, seeded, the same on every machine. */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
