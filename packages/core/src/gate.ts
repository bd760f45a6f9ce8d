import type { Address } from "./address.ts";
import type { Access, Command } from "./command.ts";
import type { Held, HoldNotice, Standing, Waited } from "./approval.ts";
import type { Decision } from "./decision.ts";
import type { Credential, PresentedKey, SignIn } from "./identity.ts";
import type { Lease } from "./lease.ts";
import type { Mask } from "./masking.ts";
import type { Permit } from "./permit.ts";
import type { SavedRecording } from "./recording.ts";
import type { Refusal } from "./refusal.ts";
import type { Session, SessionEnd } from "./session.ts";

/** What a client presented to log in. */
export interface LoginRequest {
  readonly protocol: string;
  readonly credential: Credential;
  readonly target: string;
  readonly level: string;
  readonly client: Address;
  readonly application: string;
  /** Why, in the words of whoever logs in; undefined where they have not said. */
  readonly reason?: string | undefined;
  /** Told where the log-in has to wait for people, once: its client can be shown why. Absent where it can't be: it is refused then. */
  readonly waits?: (notice: HoldNotice) => void;
  /** Aborts when the client has gone. */
  readonly gone?: AbortSignal;
}

export type LoginResult =
  | { readonly ok: true; readonly session: OpenSession }
  | { readonly ok: false; readonly refusal: Refusal };

export type Verdict =
  | { readonly ok: true; readonly permit: Permit; readonly decision: Decision }
  | { readonly ok: false; readonly refusal: Refusal };

/**
 * A Command that was decided. Whether it is let through is known at once, so that its client's next message can be
 * looked at; the permit comes when the decision is on the audit log.
 */
export type Deciding =
  | {
      readonly effect: "allow" | "block";
      /** Of a command that is let through: what the policies hold it to do, where that is not what it says itself. */
      readonly access?: Access | undefined;
      /** Never rejects. Refuses what was allowed, when the audit log does not take it. */
      readonly verdict: Promise<Verdict>;
    }
  | { readonly effect: "hold"; readonly held: Held };

/**
 * What a session is doing. `busy`: something of the client's is under way. `waiting`: nothing is, but a transaction
 * is open and holds what it holds. `idle`: nothing at all; ending the session now takes nothing from its client.
 */
export type Activity = "busy" | "waiting" | "idle";

/** A session that was let in and is on the audit log. */
export interface OpenSession {
  readonly session: Session;
  readonly lease: Lease;
  /** Aborts when the gateway ends the session from its side; the reason is a Refusal. */
  readonly ended: AbortSignal;
  /**
   * All that some rule may hide of what its commands give: where there is any, what they read has to be known. What comes
   * unasked is held to all of them.
   */
  readonly masks: readonly Mask[];
  /**
   * Decides a command at once, and puts the decision on the audit log.
   * @param waited what this command was told to wait for, when that has ended; the same command, made anew from what is
   * known now. With it, nothing is held again.
   */
  decide(command: Command, waited?: Waited): Deciding;
  /**
   * What a detached command has waited for, by its approval's id as a client says it: for `decide`, which refuses the
   * command where it is not the one that was approved, of this identity, for this target and level, once and in time.
   */
  recall(approval: string): Waited;
  /**
   * How a detached command of this identity stands, as soon as that it was asked for is on record.
   * @returns undefined where there is none of that id, or it could not be put on record
   * @throws GatehouseError STORE_FAILED
   */
  standing(approval: string): Promise<Standing | undefined>;
  /**
   * Puts a refusal of the adapter's own on the audit log: text that has no grammar, a message outside the limits.
   * @returns the refusal with the reference under which the log has it.
   */
  refuse(refused: AdapterRefusal): Promise<Refusal>;
  /**
   * Puts on the audit log what was moved by commands that were let through. Resolves also where that could not be done: what has
   * happened can't be refused any more.
   */
  moved(transfer: Transfer): Promise<void>;
  /** Puts a recording on the audit log, so that another one is not taken for it. Resolves as `moved` does. */
  recorded(recording: SavedRecording): Promise<void>;
  /** Tells what the session does from now on: who drains and who counts idle time go by it. */
  activity(activity: Activity): void;
  /** Closes it, once; later calls do nothing. */
  close(end: SessionEnd, detail?: string): Promise<void>;
}

/** What was moved of one file, between its being opened and closed. */
export interface Transfer {
  readonly path: string;
  /** To the target, or from it. */
  readonly direction: "up" | "down";
  readonly bytes: number;
  /** In hex; null where it can't be told. */
  readonly sha256: string | null;
  /** Why not. */
  readonly unhashed?: string;
  /** All of it was. */
  readonly complete: boolean;
}

/** What an adapter refuses by itself, before there is a Command to decide. */
export interface AdapterRefusal extends Omit<Refusal, "reference"> {
  /** What was refused, for the audit log: bounded, without secrets. */
  readonly text: string;
  /** Why, for the audit log, where the message quotes what the log must not have. */
  readonly reason?: string;
}

export type StandingResult =
  | {
      readonly ok: true;
      /** undefined where there is none of that id, or it is another identity's. */
      readonly standing: Standing | undefined;
    }
  | { readonly ok: false; readonly refusal: Refusal };

/** What a protocol adapter asks of the gateway. */
export interface Gate {
  /** Proves the identity, checks target and level, opens the session, takes the lease. Audited either way. */
  login(request: LoginRequest): Promise<LoginResult>;
  /** A log-in that ended before there was anything to prove; on the audit log, with its reference. */
  rejectLogin(
    request: Omit<LoginRequest, "credential">,
    refusal: Omit<Refusal, "reference">,
  ): Promise<Refusal>;
  /**
   * How a detached command stands, for a client that proves to be whoever has asked for it. It opens no session. A
   * failed proof is on the audit log like that of a log-in. Never rejects.
   */
  standing(
    request: Pick<LoginRequest, "protocol" | "credential" | "client" | "application">,
    approval: string,
  ): Promise<StandingResult>;
  /**
   * Whether a key would prove somebody, were it proved that the client has it: for clients that ask before they sign. It never rejects, and
   * lets nobody in.
   */
  accepts(key: PresentedKey): Promise<boolean>;
  /** As `Authenticator.signIn`; undefined also where the provider can't be reached. It never rejects. */
  signIn(client: Address, gone: AbortSignal): Promise<SignIn | undefined>;
}
