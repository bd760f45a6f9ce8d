import { randomBytes } from "node:crypto";
import {
  GatehouseError,
  idSource,
  type Lease,
  type Logger,
  messageOf,
  type MintProblem,
  type Protocol,
  type Provisioner,
  systemClock,
  type Way,
} from "@gatehouse/core";
import {
  type ConfiguredLeases,
  configuredLeases,
  createSecrets,
  newEpoch,
  sessionName,
} from "@gatehouse/credentials";
import type { Configuration } from "./configuration.ts";

/** How long a user that was made for a trial can log in, should nobody be left to take it back. */
const TRIAL = 60_000;

/** What came of trying one way into a target. */
export interface WayCheck {
  readonly target: string;
  readonly level: string;
  /** As whom the gateway has logged in; undefined where it has not. */
  readonly user?: string;
  /** That user was made for this, and is gone again. */
  readonly minted: boolean;
  /** In words for the operator. None of them is minor where there is no user. */
  readonly problems: readonly MintProblem[];
}

/**
 * Tries every way into every target for real, one after the other: logs in with the level's credential, or with a user that is made for
 * it and removed again.
 */
export async function* checkTargets(
  { config, policies }: Pick<Configuration, "config" | "policies">,
  protocols: readonly Protocol[],
  log: Logger,
): AsyncGenerator<WayCheck> {
  const secrets = createSecrets({ vault: () => config.vault });
  const leases = configuredLeases({ secrets, clock: systemClock, randomBytes });
  const epoch = newEpoch(randomBytes);
  for (const protocol of protocols) {
    const provisioner = protocol.minting?.provisioner({
      epoch,
      lease: ({ credential }) => leases.acquire(credential, holder()),
      policies: () => policies,
      clock: systemClock,
      log,
    });
    try {
      for (const target of config.targets.values()) {
        if (target.protocol !== protocol.name) continue;
        for (const level of target.levels.values()) {
          const way = { target, level };
          yield "mint" in level.credential
            ? await tryMinted(way, protocol, provisioner, epoch)
            : await tryGiven(way, protocol, leases);
        }
      }
    } finally {
      provisioner?.close();
    }
  }
}

async function tryGiven(
  { target, level }: Way,
  protocol: Protocol,
  leases: ConfiguredLeases,
): Promise<WayCheck> {
  const tried = { target: target.name, level: level.name, minted: false };
  const { credential } = level;
  if (!("user" in credential)) return { ...tried, problems: [NOT_TRIED] };
  try {
    const lease = await leases.acquire(credential, holder());
    try {
      await protocol.probe(target, lease);
      return { ...tried, user: lease.user, problems: [] };
    } finally {
      await lease.release();
    }
  } catch (error) {
    return { ...tried, problems: [problemOf(error)] };
  }
}

/** Each try would be a credential that the engine has issued, and an event on its log. */
const NOT_TRIED: MintProblem = {
  message: "Its credential is issued by the secrets engine at each log-in, and was not tried.",
  hint: "Log in at this level.",
  minor: true,
};

async function tryMinted(
  way: Way,
  protocol: Protocol,
  provisioner: Provisioner | undefined,
  epoch: string,
): Promise<WayCheck> {
  const { target, level } = way;
  const tried = { target: target.name, level: level.name, minted: true };
  if (!provisioner)
    throw new TypeError(`${protocol.name} has levels with users of their own, and makes none.`);
  const its = holder();
  const name = sessionName(epoch, its.session);
  const problems: MintProblem[] = [];
  try {
    problems.push(...(await provisioner.check(way)));
    if (problems.some(({ minor }) => minor !== true)) return { ...tried, problems };
    const user = await provisioner.mint(way, { name, holder: its, ttl: TRIAL, sessions: 1 });
    await protocol.probe(target, leaseOn(user));
    return { ...tried, user: name, problems };
  } catch (error) {
    problems.push(problemOf(error));
    return { ...tried, problems };
  } finally {
    problems.push(...(await removed(way, provisioner, name)));
  }
}

/** For whom what is made for a trial is made: the target's log has it. */
function holder(): { readonly session: string; readonly subject: string } {
  return { session: idSource(randomBytes)("ses"), subject: "gatehouse check" };
}

function leaseOn({ name, password }: Awaited<ReturnType<Provisioner["mint"]>>): Lease {
  return { user: name, password, release: () => Promise.resolve() };
}

/** Where it can't be removed now, a gateway does that, or its end. */
async function removed({ target }: Way, provisioner: Provisioner, name: string): Promise<MintProblem[]> {
  try {
    const [removal] = await provisioner.remove(target, [name]);
    if (removal?.outcome !== "kept") return [];
    return [
      { message: `The user ${name} could not be removed: ${removal.reason ?? "unknown"}.`, hint: LEFT },
    ];
  } catch (error) {
    // Why it can't be reached was said already.
    if (error instanceof GatehouseError && error.code.startsWith("TARGET_")) return [];
    return [{ message: `The user ${name} may be left: ${messageOf(error)}`, hint: LEFT }];
  }
}

const LEFT = "A gateway that serves the target takes it back; it can't log in after a minute.";

function problemOf(error: unknown): MintProblem {
  const hint = error instanceof GatehouseError ? (error.hint ?? "") : "";
  return { message: messageOf(error), hint };
}
