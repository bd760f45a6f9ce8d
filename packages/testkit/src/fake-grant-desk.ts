import { type Address, type Grant, GatehouseError, type Identity } from "@gatehouse/core";
import type { FakeDesk, FakeView } from "./fake-desk.ts";
import { sampleApproval } from "./sample-approval.ts";

interface Asked {
  readonly target: string;
  readonly level: string;
  readonly lasts?: number | undefined;
  readonly reason?: string | undefined;
  readonly client: Address;
}

/** A desk for grants without a gateway behind it: everybody sees everything, and may take everything back. */
export class FakeGrantDesk {
  readonly grants = new Map<string, Grant>();
  /** What was asked for, in order. */
  readonly requests: Asked[] = [];
  /** What the next call throws. */
  failure: Error | undefined;
  readonly #approvals: FakeDesk;

  constructor(approvals: FakeDesk) {
    this.#approvals = approvals;
  }

  /** Each request is an approval of its own, which nobody has answered. */
  async request(viewer: Identity, asked: Asked): Promise<FakeView> {
    this.#fail();
    this.requests.push(asked);
    const { target, level, reason, client } = asked;
    const { reason: _, session, command, ...sample } = sampleApproval();
    const text = `access to ${target} as ${level} for ${(asked.lasts ?? 3_600_000) / 60_000}m`;
    const id = `apr_${String(this.requests.length).padStart(16, "0")}`;
    this.#approvals.put({
      ...sample,
      ...{ id, requester: viewer, target, level },
      session: { ...session, id: "", client, application: "", commands: 0, refused: 0, recent: [] },
      command: {
        ...command,
        ...{ kind: "access", verbs: ["ACCESS"], access: "unknown", resources: [], functions: [] },
        ...{ text, outline: text, parameters: [], touches: [] },
      },
      surroundings: {},
      ...(reason === undefined ? {} : { reason }),
    });
    return Promise.resolve(this.#approvals.show(viewer, id));
  }

  list(_viewer: Identity): readonly Grant[] {
    this.#fail();
    return [...this.grants.values()].filter(({ revoked }) => !revoked).reverse();
  }

  show(_viewer: Identity, id: string): Grant {
    this.#fail();
    const grant = this.grants.get(id);
    if (!grant) throw new GatehouseError("GRANT_UNKNOWN", "There is no such grant.");
    return grant;
  }

  async revoke(viewer: Identity, id: string, reason?: string): Promise<Grant> {
    const { subject, kind, groups, proof } = viewer;
    const revoked = {
      ...this.show(viewer, id),
      revoked: {
        by: { subject, kind, groups, proof },
        at: Date.now(),
        ...(reason === undefined ? {} : { reason }),
      },
    };
    this.grants.set(id, revoked);
    return Promise.resolve(revoked);
  }

  #fail(): void {
    const { failure } = this;
    this.failure = undefined;
    if (failure) throw failure;
  }
}

/** A grant of the sample approval's requester, by the yes of `ann`, for an hour. */
export function sampleGrant(changes: Partial<Grant> = {}): Grant {
  const { requester, target, level, holds, reason = "" } = sampleApproval();
  const from = Date.now();
  return {
    ...{ id: "grt_0123456789ABCDEF", identity: requester, target, level, holds, reason },
    ...{ from, until: from + 3_600_000, approval: "apr_0123456789ABCDEF" },
    by: [{ ...requester, subject: "ann", kind: "human", groups: ["crew-approver"] }],
    ...changes,
  };
}
