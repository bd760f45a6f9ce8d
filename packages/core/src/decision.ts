import type { Hold } from "./approval.ts";
import type { Access, Command, PartialFacts } from "./command.ts";
import type { AccessTerms } from "./grant.ts";
import type { Identity } from "./identity.ts";
import type { Mask } from "./masking.ts";
import type { Level, Target } from "./target.ts";

/** A rule, as a person would find it again. */
export interface RuleReference {
  readonly policy: string;
  readonly rule: string;
  /** `file:line` of the rule. */
  readonly source: string;
}

/** What the policy says of one Command. A block without a rule is the default: nothing allowed it. */
export type Decision =
  | {
      readonly effect: "allow";
      readonly rule: RuleReference;
      readonly policyVersion: string;
      /** Those of every rule that matches, together; the same list for the same rules. Absent where there are none. */
      readonly masks?: readonly Mask[];
      /** What the policies hold the command to do, where that is not what it says itself. */
      readonly access?: Access;
      /** Rules that would have held it, had this identity not been one that may break their glass. At least one. */
      readonly brokeGlass?: readonly RuleReference[];
    }
  | {
      /** It waits for people; when they have said yes, it is let through with these masks. */
      readonly effect: "hold";
      /** The first of those that hold it. */
      readonly rule: RuleReference;
      /** Each of them has to be met. The same list for the same rules. */
      readonly holds: readonly [Hold, ...Hold[]];
      readonly policyVersion: string;
      /** As those of an allow. */
      readonly masks?: readonly Mask[];
      readonly access?: Access;
    }
  | {
      readonly effect: "block";
      readonly rule: RuleReference | null;
      /** For the person at the client: the rule's own message, or the default's. */
      readonly message: string;
      readonly policyVersion: string;
    };

/** What a Decision rests on. */
export interface DecisionRequest {
  readonly identity: Identity;
  readonly target: Target;
  readonly level: Level;
  readonly client: { readonly host: string };
  readonly command: Command;
  /** Milliseconds since the epoch: passed in, so that the same request always has the same Decision. */
  readonly now: number;
}

/** What the rules that are for somebody could ever let through at one level of one target. */
export interface PolicyReach {
  /** Names the policies that it is of: where they are the same, all of it is, as long as the engine's version is. */
  readonly policies: string;
  /**
   * Whether any rule could ever allow, or hold, some command that has these facts. True where that can't be told. With
   * more facts that are known, it is true for fewer commands, never for others.
   */
  couldAllow(asked: {
    /** As the rules see them: the access is that with all functions that are listed. */
    readonly facts: PartialFacts;
    /** Functions among those that it runs which users of the target have made: without a list, its access is unknown. */
    readonly userFunctions?: readonly string[];
  }): boolean;
}

/** The policy engine: pure and synchronous. */
export interface PolicyEngine {
  /** A digest of all that was loaded: two engines with the same version decide alike. */
  readonly version: string;
  decide(request: DecisionRequest): Decision;
  /** Whether any rule could ever allow this identity anything on this target at this level. */
  admits(request: Omit<DecisionRequest, "command" | "now" | "client">): boolean;
  /** Whether any rule could ever hold a command of this identity on this target at this level. */
  holds(request: Omit<DecisionRequest, "command" | "now" | "client">): boolean;
  /** What getting in at this level needs beside that; undefined where it needs nothing. The same object each time. */
  access(request: Omit<DecisionRequest, "command" | "now" | "client">): AccessTerms | undefined;
  /** What the rules could ever let through at this level: for one identity, or, without one, for whoever may come. */
  reach(request: Pick<DecisionRequest, "target" | "level"> & { readonly identity?: Identity }): PolicyReach;
  /** All that any rule could ever hide of this target from this identity at this level. The same list each time. */
  masks(request: Omit<DecisionRequest, "command" | "now" | "client">): readonly Mask[];
}
