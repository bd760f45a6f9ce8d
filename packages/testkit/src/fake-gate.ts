import type {
  Activity,
  AdapterRefusal,
  Command,
  Credential,
  Deciding,
  Gate,
  Held,
  Lease,
  LoginRequest,
  Mask,
  Outcome,
  Permit,
  Refusal,
  SavedRecording,
  Session,
  SessionEnd,
  SignIn,
  Surroundings,
  Target,
  Standing,
  Transfer,
  Waited,
} from "@gatehouse/core";

/** What an adapter asked of the gate, in order. */
export type GateEvent =
  | { readonly type: "login"; readonly ok: boolean; readonly target: string; readonly level: string }
  | { readonly type: "rejected"; readonly refusal: Refusal }
  | { readonly type: "decided"; readonly command: Command; readonly allowed: boolean }
  | { readonly type: "held"; readonly command: Command }
  | { readonly type: "gone"; readonly why: string }
  | { readonly type: "outcome"; readonly outcome: Outcome }
  | { readonly type: "refused"; readonly refused: AdapterRefusal }
  | { readonly type: "moved"; readonly transfer: Transfer }
  | { readonly type: "recorded"; readonly recording: SavedRecording }
  | { readonly type: "closed"; readonly end: SessionEnd; readonly detail?: string };

export interface FakeGateOptions {
  /** What permits are made with. Only enforcement may make them, and tests: so a test lends its own. */
  readonly issuePermit: (command: Command) => Permit;
  readonly target: Target;
  /** The target's own credential, for every session. */
  readonly lease: Omit<Lease, "release">;
  /** The token that lets a client in. */
  readonly credential: string;
  /** Keys that do so as well, as on the wire. */
  readonly keys?: readonly Uint8Array[];
  /** Has a person sign in; nobody can, unless told otherwise. */
  readonly signIn?: () => SignIn;
  /** As whom a client is let in; `tester`, unless told otherwise. */
  readonly subject?: (request: LoginRequest) => string;
  /** Until when what a client has proved holds, in milliseconds since the epoch; for ever, unless told otherwise. */
  readonly expiresAt?: number;
  /** What a log-in with the right password has to wait for: why it is refused then; undefined lets it in. */
  readonly enter?: (request: LoginRequest) => Promise<Omit<Refusal, "reference"> | undefined>;
  /** Whether a command is let through; all are, unless told otherwise. */
  readonly allow?: (command: Command) => boolean;
  /** Whether a command waits for `answer`; none does, unless told otherwise. */
  readonly hold?: (command: Command) => boolean;
  /** Milliseconds after which the client of one that waits is told again. */
  readonly repeat?: number;
  /** What a command's answer is masked by. One that can't be is refused. */
  readonly masks?: () => readonly Mask[];
  /** The audit log's write of a decision: its verdict waits for it, and is a refusal where this rejects. */
  readonly written?: (command: Command) => Promise<void>;
}

/** A command that waits, and whoever answers it. */
export interface FakeHeld {
  readonly command: Command;
  readonly surroundings: Surroundings;
  approve(): void;
  deny(): void;
}

/** A Gate for tests of adapters: one target, one credential, and a record of all it was asked. */
export interface FakeGate extends Gate {
  readonly events: readonly GateEvent[];
  /** The commands that were decided, in order. */
  readonly commands: readonly Command[];
  /** Sessions that are open now. */
  readonly open: number;
  /** What the session that told last said it does. */
  readonly activity: Activity | undefined;
  /** The commands that wait, the oldest first. */
  readonly waiting: readonly FakeHeld[];
  /** Resolves when the events so far, or one that comes, satisfy the predicate. */
  until(predicate: (events: readonly GateEvent[]) => boolean): Promise<void>;
  /** Ends every open session from the gateway's side: as a gateway that shuts down, unless told otherwise. */
  endAll(reason?: Omit<Refusal, "reference">): void;
}

const CANNOT_MASK = { ok: false, message: "Not masked.", hint: "Ask." } as const;

export function createFakeGate(options: FakeGateOptions): FakeGate {
  const events: GateEvent[] = [];
  const watchers = new Set<() => void>();
  const sessions = new Set<AbortController>();
  let references = 0;
  let lastActivity: Activity | undefined;

  function record(event: GateEvent): void {
    events.push(event);
    for (const watcher of watchers) watcher();
  }

  function refer<T extends object>(refusal: T): T & { readonly reference: string } {
    return { ...refusal, reference: `ref_${++references}` };
  }

  const waiting: FakeHeld[] = [];
  /** What became of each wait; absent while it lasts. */
  const answers = new WeakMap<Waited, { approved: boolean; digest: string | undefined }>();
  /** The detached ones that nobody has come back for, by their approvals. */
  const detached = new Map<string, Held>();

  function hold(command: Command): Held {
    const { promise, resolve } = Promise.withResolvers<void>();
    const digest = command.fingerprint?.("command");
    let surroundings: Surroundings = {};
    const end = (approved: boolean) => {
      const at = waiting.indexOf(entry);
      if (at < 0) return;
      waiting.splice(at, 1);
      answers.set(held, { approved, digest });
      resolve();
    };
    const entry: FakeHeld = {
      command,
      get surroundings() {
        return surroundings;
      },
      approve: () => end(true),
      deny: () => end(false),
    };
    const held: Held = {
      approval: `apr_${String(events.length).padStart(16, "0")}`,
      notice: { message: "It waits.", detail: "For you.", hint: "Say yes." },
      repeat: options.repeat,
      ended: promise,
      describe: (told) => {
        surroundings = { ...surroundings, ...told };
        record({ type: "held", command });
      },
      gone: (why) => {
        if (command.detached === true) return;
        if (waiting.includes(entry)) record({ type: "gone", why });
        end(false);
      },
      outcome: (outcome) => record({ type: "outcome", outcome }),
    };
    waiting.push(entry);
    if (command.detached === true) detached.set(held.approval, held);
    record({ type: "held", command });
    return held;
  }

  function standing(approval: string): Standing | undefined {
    const held = detached.get(approval);
    if (!held) return undefined;
    const answer = answers.get(held);
    const state = answer ? (answer.approved ? "approved" : "denied") : "pending";
    return { id: approval, state, until: 0, message: `It is ${state}.`, hint: "Wait." };
  }

  /** The wait of that id, once; of any other it is as if it had been refused. */
  function recall(approval: string): Waited {
    const held = detached.get(approval);
    const answer = held && answers.get(held);
    const waited: Waited = {
      approval,
      recalled: true,
      gone: () => undefined,
      outcome: (outcome) => record({ type: "outcome", outcome }),
    };
    answers.set(waited, answer ?? { approved: false, digest: undefined });
    if (answer?.approved === true) detached.delete(approval);
    return waited;
  }

  function decide(command: Command, held?: Waited): Deciding {
    if (!held && command.prepares !== true && options.hold?.(command) === true) {
      return { effect: "hold", held: hold(command) };
    }
    const answer = held && answers.get(held);
    const given =
      answer === undefined || (answer.approved && answer.digest === command.fingerprint?.("command"));
    const outcome = options.masks && (command.mask?.(options.masks()) ?? CANNOT_MASK);
    const unmasked = outcome?.ok === false ? outcome : undefined;
    const allowed = given && unmasked === undefined && (options.allow?.(command) ?? true);
    record({ type: "decided", command, allowed });
    const { message, hint } = unmasked ?? { message: "No.", hint: "Ask." };
    const refusal = allowed ? undefined : refer({ kind: "policy", message, hint } as const);
    const rule = { policy: "fake", rule: "all", source: "fake:1" };
    const written = options.written?.(command) ?? Promise.resolve();
    return {
      effect: allowed ? "allow" : "block",
      verdict: written.then(
        () => {
          if (refusal) return { ok: false, refusal };
          const masks = options.masks?.();
          const decision = {
            effect: "allow",
            rule,
            policyVersion: "fake",
            ...(masks ? { masks } : {}),
          } as const;
          return { ok: true, permit: options.issuePermit(command), decision };
        },
        () => ({ ok: false, refusal: refer({ kind: "internal", message: "Not audited." } as const) }),
      ),
    };
  }

  function open(session: Session): Awaited<ReturnType<Gate["login"]>> {
    const ending = new AbortController();
    sessions.add(ending);
    return {
      ok: true,
      session: {
        session,
        lease: { ...options.lease, release: () => Promise.resolve() },
        ended: ending.signal,
        get masks() {
          return options.masks?.() ?? [];
        },
        decide,
        recall,
        standing: (approval) => Promise.resolve(standing(approval)),
        async refuse(refused) {
          record({ type: "refused", refused });
          const { text: _, ...refusal } = refused;
          return Promise.resolve(refer(refusal));
        },
        moved(transfer) {
          record({ type: "moved", transfer });
          return Promise.resolve();
        },
        recorded(recording) {
          record({ type: "recorded", recording });
          return Promise.resolve();
        },
        activity(activity) {
          lastActivity = activity;
        },
        async close(end, detail) {
          if (!sessions.delete(ending)) return;
          record({ type: "closed", end, ...(detail === undefined ? {} : { detail }) });
          return Promise.resolve();
        },
      },
    };
  }

  function isTaken(credential: Credential): boolean {
    if ("token" in credential) return credential.token === options.credential;
    return options.keys?.some((key) => Buffer.compare(key, credential.key) === 0) ?? false;
  }

  return {
    events,
    waiting,
    get commands() {
      return events.flatMap((event) => (event.type === "decided" ? [event.command] : []));
    },
    get open() {
      return sessions.size;
    },
    get activity() {
      return lastActivity;
    },
    async login(request) {
      const { credential, target, level: name, client, application } = request;
      const level = options.target.levels.get(name);
      const ok = isTaken(credential) && target === options.target.name && level !== undefined;
      record({ type: "login", ok, target, level: name });
      if (!ok) {
        return Promise.resolve({ ok, refusal: refer({ kind: "credential", message: "No entry." } as const) });
      }
      const refusal = await options.enter?.(request);
      if (refusal) return { ok: false, refusal: refer(refusal) };
      return Promise.resolve(
        open({
          id: `ses_${events.length}`,
          identity: {
            subject: options.subject?.(request) ?? "tester",
            kind: "human",
            groups: [],
            proof: { method: "oidc", provider: "fake", issuer: "fake" },
            expiresAt: options.expiresAt ?? Number.MAX_SAFE_INTEGER,
          },
          target: options.target,
          level,
          client,
          application,
          openedAt: 0,
        }),
      );
    },
    standing: ({ credential }, approval) =>
      Promise.resolve(
        isTaken(credential)
          ? { ok: true, standing: standing(approval) }
          : { ok: false, refusal: refer({ kind: "credential", message: "No entry." } as const) },
      ),
    accepts: (key) => Promise.resolve(isTaken(key)),
    signIn: () => Promise.resolve(options.signIn?.()),
    async rejectLogin(_, refusal) {
      const referred = refer(refusal);
      record({ type: "rejected", refusal: referred });
      return Promise.resolve(referred);
    },
    until(predicate) {
      if (predicate(events)) return Promise.resolve();
      return new Promise((resolve) => {
        const watcher = () => {
          if (!predicate(events)) return;
          watchers.delete(watcher);
          resolve();
        };
        watchers.add(watcher);
      });
    },
    endAll(reason = { kind: "busy", message: "The gateway is shutting down." }) {
      for (const ending of sessions) ending.abort(refer(reason));
    },
  };
}
