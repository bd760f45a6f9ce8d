import { type Approval, type ApprovalState, GatehouseError, type Identity } from "@gatehouse/core";

/** As the gateway's desk has them. */
export interface FakeView {
  readonly approval: Approval;
  readonly withheld: boolean;
  readonly missing: readonly {
    readonly rule: Approval["holds"][0]["rule"];
    readonly approvers: Approval["holds"][0]["approvers"][0];
    readonly given: number;
  }[];
  readonly alike: number;
  readonly deliveries: readonly {
    readonly webhook: string;
    readonly event: string;
    readonly state: "waiting" | "delivered" | "given up";
    readonly attempts: number;
    readonly last?: string;
    readonly next?: number;
  }[];
  readonly unanswerable?: "APPROVAL_OWN";
}

interface FakeChange {
  readonly id: string;
  readonly event: "requested" | "answered" | "approved" | "denied" | "expired" | "void" | "spent" | "outcome";
  readonly view: FakeView;
}

interface GivenAnswer {
  readonly answer: "approve" | "deny";
  readonly reason?: string;
}

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Changes that are kept for who comes again. */
const KEPT = 100;

/**
 * A desk without a gateway behind it: everybody sees everything, one yes is enough, and nobody answers for their own
 * command. What the real one does beyond that is not what its users are tested against.
 */
export class FakeDesk {
  /** In the order in which they came. */
  readonly approvals = new Map<string, Approval>();
  /** Values of commands are withheld from these subjects. */
  readonly withheldFrom = new Set<string>();
  /** What the next call throws. */
  failure: Error | undefined;
  /** What the last callback brought. */
  lastCallback: { readonly name: string; readonly body: Buffer } | undefined;
  readonly #changes: FakeChange[] = [];
  readonly #watchers = new Set<(change: FakeChange) => void>();
  #lastChange = 0;

  get watchers(): number {
    return this.#watchers.size;
  }

  /** A new one, or a change of one. */
  put(approval: Approval, event: FakeChange["event"] = "requested"): void {
    this.approvals.set(approval.id, approval);
    this.#lastChange += 1;
    const change = { id: String(this.#lastChange), event, view: this.#view(approval) };
    this.#changes.push(change);
    if (this.#changes.length > KEPT) this.#changes.shift();
    for (const watcher of this.#watchers) watcher(change);
  }

  list(
    viewer: Identity,
    query: { readonly states?: readonly ApprovalState[]; readonly before?: string; readonly limit: number },
  ): { readonly approvals: readonly FakeView[]; readonly next?: string } {
    this.#fail();
    const all = [...this.approvals.values()].reverse();
    const from = query.before === undefined ? 0 : all.findIndex(({ id }) => id === query.before) + 1;
    const found = all.slice(from).filter(({ state }) => query.states?.includes(state) ?? true);
    const shown = found.slice(0, query.limit);
    const last = found.length > query.limit ? shown.at(-1) : undefined;
    return {
      approvals: shown.map((approval) => this.#view(approval, viewer)),
      ...(last ? { next: last.id } : {}),
    };
  }

  show(viewer: Identity, id: string): FakeView {
    this.#fail();
    return this.#view(this.#known(id), viewer);
  }

  answer(viewer: Identity, id: string, given: GivenAnswer): Promise<FakeView> {
    return Promise.resolve().then(() => this.#answer(viewer, id, given));
  }

  #answer(viewer: Identity, id: string, given: GivenAnswer): FakeView {
    this.#fail();
    const approval = this.#known(id);
    if (approval.state !== "pending")
      throw new GatehouseError("APPROVAL_ENDED", `${id} is ${approval.state} already.`, {
        hint: "Nothing has changed.",
      });
    if (approval.requester.subject === viewer.subject)
      throw new GatehouseError("APPROVAL_OWN", "Nobody answers for their own command.");
    const { subject, groups, kind, proof } = viewer;
    const answer = { ...given, by: { subject, groups, kind, proof }, at: Date.now() };
    const state = given.answer === "approve" ? "approved" : "denied";
    this.put({ ...approval, state, answers: [answer] }, state);
    return this.#view(this.#known(id), viewer);
  }

  callback(name: string, headers: Headers, body: Buffer): Promise<FakeView> {
    return Promise.resolve().then(() => this.#callback(name, headers, body));
  }

  #callback(name: string, headers: Headers, body: Buffer): FakeView {
    this.#fail();
    if (headers["x-signature"] !== "good")
      throw new GatehouseError("CALLBACK_REFUSED", "The signature is wrong in its third byte.");
    this.lastCallback = { name, body };
    const [approval] = this.approvals.values();
    return this.#view(this.#known(approval?.id ?? ""));
  }

  watch(
    _viewer: Identity,
    after: string | undefined,
    listener: (change: FakeChange) => void,
  ): { readonly missed: boolean; stop(): void } {
    this.#fail();
    const known = after === undefined ? this.#lastChange : Number(after);
    const [first] = this.#changes;
    const missed = first !== undefined && known < Number(first.id) - 1;
    for (const change of this.#changes) if (Number(change.id) > known) listener(change);
    this.#watchers.add(listener);
    return { missed, stop: () => this.#watchers.delete(listener) };
  }

  #known(id: string): Approval {
    const approval = this.approvals.get(id);
    if (!approval)
      throw new GatehouseError("APPROVAL_UNKNOWN", `There is no approval ${id} that you may see.`);
    return approval;
  }

  #fail(): void {
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
  }

  #view(approval: Approval, viewer?: Identity): FakeView {
    const [{ rule, approvers }] = approval.holds;
    return {
      approval,
      withheld: viewer !== undefined && this.withheldFrom.has(viewer.subject),
      missing: approval.state === "pending" ? [{ rule, approvers: approvers[0], given: 0 }] : [],
      ...(viewer?.subject === approval.requester.subject ? { unanswerable: "APPROVAL_OWN" } : {}),
      alike: 0,
      deliveries: [
        {
          webhook: "chat",
          event: "approval.requested",
          state: "waiting",
          attempts: 2,
          last: "500",
          next: approval.requestedAt + 60_000,
        },
      ],
    };
  }
}
