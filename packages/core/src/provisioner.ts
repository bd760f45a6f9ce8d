import type { Clock } from "./clock.ts";
import type { PolicyEngine } from "./decision.ts";
import type { Identity } from "./identity.ts";
import type { Lease, Way } from "./lease.ts";
import type { Logger } from "./logger.ts";
import type { Secret } from "./secret.ts";
import type { Target } from "./target.ts";

/** A user that was made at a target. */
export interface MintedUser {
  readonly name: string;
  readonly password: Secret;
}

/** What a user that is made ready becomes when a session takes it. */
export interface Activation {
  /** Its name from now on. */
  readonly name: string;
  /** Who has it, for the target's own administrators to read. */
  readonly holder: {
    readonly session: string;
    readonly subject: string;
    /** By whose policies it has what they could allow, at a level that goes by those; absent where that is whoever may come. */
    readonly identity?: Identity;
  };
  /** Milliseconds from now on in which it can log in. */
  readonly ttl: number;
  /** Sessions that may use it at the same time. */
  readonly sessions: number;
}

/** One thing that keeps users from being made at a target. */
export interface MintProblem {
  /** What is missing, or in the way. */
  readonly message: string;
  /** What to do, as a command where there is one. */
  readonly hint: string;
  /** It works all the same. */
  readonly minor?: true;
}

/** A user with this gateway's mark at a target, whichever gateway has made it. */
export interface FoundUser {
  readonly name: string;
  /** It can log in, but for its end. */
  readonly canLogIn: boolean;
  /** Connections that it has open at the target now. */
  readonly connections: number;
}

/** What is at a target. */
export interface Survey {
  readonly users: readonly FoundUser[];
  /** The epochs of the gateways that are connected to it now, this one's own among them. */
  readonly present: ReadonlySet<string>;
}

/** What became of a user that was to be removed. */
export interface Removal {
  readonly name: string;
  /** `kept`: it can't log in and has no rights any more, and is still there, since others rest on what it owns. */
  readonly outcome: "removed" | "kept";
  /** Of a kept one, for the operator. */
  readonly reason?: string;
  /** What it owned and what became of that, in the target's words; empty where it owned nothing. */
  readonly owned: readonly string[];
}

/**
 * Makes and removes users at targets of one protocol, as the administrator that the target's own credential is. It keeps
 * nothing but connections: who has which user is its caller's to know. All of it can be called again after a crash at any point.
 * Every method rejects with GatehouseError: MINT_UNPREPARED where the target or the administrator lacks something (the message
 * says what), MINT_FAILED where it went wrong otherwise, and those of the TARGET_ and SECRET_ families.
 */
export interface Provisioner {
  /**
   * What keeps users of this level from being made; none where all is well. Makes what has to be there once for all (the
   * marker), and no user.
   */
  check(way: Way): Promise<readonly MintProblem[]>;
  /** Makes a user that can't log in yet. Where it rejects there is none, or one that a survey finds. */
  prepare(way: Way, name: string): Promise<MintedUser>;
  /** Lets a prepared user log in, under its new name, for its holder. */
  activate(way: Way, user: MintedUser, activation: Activation): Promise<MintedUser>;
  /** As `prepare` and `activate` in one step. */
  mint(way: Way, activation: Activation): Promise<MintedUser>;
  /** Lets users log in for so many milliseconds from now on. Those that are not there are left out. */
  renew(target: Target, names: readonly string[], ttl: number): Promise<void>;
  /**
   * Takes users back: no log-in, no connections, nothing that they own, no user. Those that are not there, or do not have the mark,
   * count as removed and are not touched.
   * @returns of all that could be seen to; one that is left out is to be tried again soon. It rejects where that is all of them.
   */
  remove(target: Target, names: readonly string[]): Promise<readonly Removal[]>;
  /** All users with the mark that this administrator may remove. Tells other gateways that this one is there, until `leave`. */
  survey(target: Target): Promise<Survey>;
  /** Removes what has the mark, is no user, and nobody uses any more: roles that carry what a level may do. */
  tidy(target: Target): Promise<void>;
  /** Closes the connections to a target. */
  leave(target: Target): void;
  /** Closes all connections. */
  close(): void;
}

export interface ProvisionerOptions {
  /** Names this run of this gateway: 8 letters and digits, part of every user's name. */
  readonly epoch: string;
  /** A lease on a target's own credential: the administrator's. Who asks releases it. */
  readonly lease: (target: Target) => Promise<Lease>;
  /** The policies as they are at this moment: for levels that get what those could ever allow. */
  readonly policies: () => Pick<PolicyEngine, "version" | "reach">;
  readonly clock: Clock;
  readonly log: Logger;
}
