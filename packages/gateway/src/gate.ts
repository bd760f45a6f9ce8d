import type { Config } from "@gatehouse/config";
import {
  type Authenticator,
  type Gate,
  GatehouseError,
  type Identity,
  type Lease,
  type LeaseRequest,
  type Level,
  type LoginRequest,
  type LoginResult,
  messageOf,
  type PolicyEngine,
  type Refusal,
  type RefusalKind,
  type Session,
  type Target,
} from "@gatehouse/core";
import type { Entrance } from "@gatehouse/grants";
import { type SessionRegistry, TooManySessions } from "@gatehouse/sessions";
import { Enforcement, type EnforcementOptions } from "./enforcement.ts";
import { openSession } from "./open-session.ts";

/** Characters of a name that was asked for: whoever may not come in can't fill the logs either. */
const LOGGED_NAME = 256;

/** What a log-in rests on, as the config has it at this moment. */
export interface Admission {
  readonly config: Config;
  readonly policies: PolicyEngine;
  readonly authenticator: Authenticator;
}

export interface GateOptions extends Omit<EnforcementOptions, "policies"> {
  readonly admission: () => Admission;
  readonly entrance: Entrance;
  readonly leases: { acquire(request: LeaseRequest): Promise<Lease> };
  readonly sessions: SessionRegistry;
}

/** A log-in that is refused: what the client is told, and what only the operator is. */
interface Denial {
  readonly refusal: Omit<Refusal, "reference">;
  readonly reason: string;
  readonly subject?: string;
}

/** The gate: who gets in, where to, and by which credential. */
export function createGate(options: GateOptions): Gate {
  const { audit, clock, ids, log, leases, entrance, admission } = options;
  const enforcement = new Enforcement({ ...options, policies: () => admission().policies });

  async function deny(request: Omit<LoginRequest, "credential">, denial: Denial): Promise<Refusal> {
    const { protocol, client } = request;
    const { refusal, reason, subject } = denial;
    const target = request.target.slice(0, LOGGED_NAME);
    const level = request.level.slice(0, LOGGED_NAME);
    const reference = ids("ref");
    // `as`, since pino's own `level` would be hidden behind a name that a client has chosen.
    log.warn({ reference, protocol, client, target, as: level, subject, reason }, "log-in refused");
    try {
      await audit.append({
        type: "login.failed",
        reference,
        protocol,
        kind: refusal.kind,
        reason,
        client,
        target,
        level,
        ...(subject === undefined ? {} : { subject }),
      });
    } catch (error) {
      // Refused it is in any case; that the log lacks it is the operator's to know.
      log.error({ reference, error: messageOf(error) }, "audit failed: a refused log-in is not on the log");
    }
    return { ...refusal, reference };
  }

  async function admit(request: LoginRequest, identity: Identity): Promise<LoginResult> {
    const refuse = async (denial: Denial): Promise<LoginResult> => {
      const refusal = await deny(request, { subject: identity.subject, ...denial });
      return { ok: false, refusal };
    };
    const { config, policies } = admission();
    const found = findWay(config.targets, policies, identity, request);
    if ("denial" in found) return refuse(found.denial);
    const { client, application } = request;
    const asked = { id: ids("ses"), identity, ...found, client, application, openedAt: clock.now() };
    const entry = await entrance.enter(asked, request);
    if (!entry.ok) {
      const { reason, ...refusal } = entry.refusal;
      return refuse({ refusal, reason });
    }
    // It may have waited for hours: what it rests on may be gone.
    if (clock.now() >= identity.expiresAt) return refuse(denialOf(expired()));
    const now = admission();
    const still = findWay(now.config.targets, now.policies, identity, request);
    if ("denial" in still) return refuse(still.denial);
    const { grant } = entry;
    const session = { ...asked, ...still, openedAt: clock.now(), ...(grant ? { grant } : {}) };
    try {
      const acquire = () => leases.acquire({ ...still, session: session.id, identity });
      return { ok: true, session: await openSession({ ...options, enforcement, session, acquire }) };
    } catch (error) {
      return refuse(denialOfOpening(error, session));
    }
  }

  return {
    async login(request) {
      let identity: Identity;
      try {
        identity = await admission().authenticator.authenticate(request.credential);
      } catch (error) {
        return { ok: false, refusal: await deny(request, denialOf(error)) };
      }
      return admit(request, identity);
    },
    async standing(request, approval) {
      const refuse = async (denial: Denial) => {
        const refusal = await deny({ ...request, target: "", level: "" }, denial);
        return { ok: false, refusal } as const;
      };
      let identity: Identity;
      try {
        identity = await admission().authenticator.authenticate(request.credential);
      } catch (error) {
        return refuse(denialOf(error));
      }
      try {
        return { ok: true, standing: await options.approvals.standing(identity, approval) };
      } catch (error) {
        return refuse({ ...denialOf(error), subject: identity.subject });
      }
    },
    rejectLogin: (request, refusal) => deny(request, { refusal, reason: refusal.message }),
    async accepts(key) {
      try {
        await admission().authenticator.authenticate(key);
        return true;
      } catch {
        // Why not is on the log once somebody tries to log in by it.
        return false;
      }
    },
    async signIn(client, gone) {
      try {
        return await admission().authenticator.signIn(client, gone);
      } catch (error) {
        log.warn({ error: messageOf(error) }, "nobody can sign in with a browser now");
        return undefined;
      }
    },
  };
}

/** The target and level that were asked for, if this identity may know of them and use them. */
function findWay(
  targets: ReadonlyMap<string, Target>,
  policies: PolicyEngine,
  identity: Identity,
  request: LoginRequest,
): { readonly target: Target; readonly level: Level } | { readonly denial: Denial } {
  const target = targets.get(request.target);
  const mine =
    target?.protocol === request.protocol
      ? [...target.levels.values()].filter((level) => policies.admits({ identity, target, level }))
      : [];
  // A target that is not there and one that is not theirs read the same: names are not for guessing.
  if (target === undefined || mine.length === 0) {
    const refusal = {
      kind: "target",
      message: `Target "${request.target.slice(0, 63)}" does not exist, or is not yours to use.`,
    } as const;
    return { denial: { refusal, reason: target ? "no rule lets in" : "no such target" } };
  }
  const level = mine.find(({ name }) => name === request.level);
  if (level === undefined) {
    const refusal = {
      kind: "level",
      message: `Level "${request.level.slice(0, 63)}" of "${target.name}" does not exist, or is not yours to use.`,
      hint: `Yours: ${mine.map(({ name }) => name).join(", ")}.`,
    } as const;
    return { denial: { refusal, reason: "no such level, or no rule lets in" } };
  }
  return { target, level };
}

function expired(): GatehouseError {
  return new GatehouseError("IDENTITY_EXPIRED", "The token expired while its log-in waited.");
}

function denialOf(error: unknown): Denial {
  const reason = error instanceof GatehouseError ? `${error.code}: ${error.message}` : messageOf(error);
  if (error instanceof GatehouseError && error.code.startsWith("IDENTITY_")) {
    if (error.code === "IDENTITY_UNAVAILABLE") return { ...unavailable("unavailable"), reason };
    // Which part of it is wrong is for its owner to find out at the provider, not by trying here.
    const refusal = {
      kind: "credential",
      message: "The credential was not accepted.",
      hint: "Get a new access token, and give it as the password.",
    } as const;
    return { refusal, reason };
  }
  return { ...unavailable("internal"), reason };
}

/** Why a session could not be opened that its identity may have. What is wrong at the target is not for its clients to know. */
function denialOfOpening(error: unknown, { target }: Pick<Session, "target">): Denial {
  if (error instanceof TooManySessions) return { ...tooMany(error.limit), reason: error.message };
  if (!(error instanceof GatehouseError)) return { ...unavailable("internal"), reason: messageOf(error) };
  const reason = `${error.code}: ${error.message}`;
  if (!/^(MINT|TARGET|VAULT)_/.test(error.code)) return { ...unavailable("internal"), reason };
  const refusal = {
    kind: "unavailable",
    message:
      error.code === "TARGET_UNREACHABLE"
        ? `The target "${target.name}" can't be reached now.`
        : `No user for this session could be had at the target "${target.name}".`,
    hint: "Try again; if it goes on, show the reference to whoever runs the gateway.",
  } as const;
  return { refusal, reason };
}

function tooMany(limit: number): Pick<Denial, "refusal"> {
  return {
    refusal: {
      kind: "too_many",
      message: `You have ${limit} sessions open, which is as many as one identity may have.`,
      hint: "Close one of them, or ask whoever runs the gateway for more.",
    },
  };
}

function unavailable(kind: Extract<RefusalKind, "unavailable" | "internal">): Pick<Denial, "refusal"> {
  return {
    refusal: {
      kind,
      message: "The gateway can't let anybody in now.",
      hint: "Try again; if it goes on, show the reference to whoever runs the gateway.",
    },
  };
}
