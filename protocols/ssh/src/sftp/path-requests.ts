import type { Refusal } from "@gatehouse/core";
import type { SftpAction } from "./action.ts";
import type { Request } from "./codec/request.ts";
import { type Release, Names } from "./names.ts";
import type { Turn } from "./order.ts";
import { type Lookup, type Plan, Unfit } from "./plan.ts";
import type { SftpDecision, SftpPorts } from "./ports.ts";
import { Unresolvable } from "./resolver.ts";

/** Times that one request is decided when its paths lead elsewhere each time. */
const DECISIONS = 4;

export type Allowed = Extract<SftpDecision, { ok: true }>;

/** A request that may be sent now, at once. */
export interface Ready {
  readonly request: Request;
  readonly action: SftpAction;
  readonly decision: Allowed;
  /** Called when the target has answered: names may have changed until then. */
  readonly release: Release | undefined;
}

/**
 * Has a request that names files looked up, decided, and then sent to where it led when it was looked up last: a client that
 * makes a link while another request of its own is being decided, or held, moves nothing under it.
 */
export class PathRequests {
  readonly #ports: Pick<SftpPorts, "decide" | "refuse">;
  readonly #lookup: Lookup;
  readonly #names = new Names();

  constructor(ports: Pick<SftpPorts, "decide" | "refuse">, lookup: Lookup) {
    this.#ports = ports;
    this.#lookup = lookup;
  }

  /** @param send is called, in the same breath as the last look, with what may be sent */
  async run(plan: Plan, turn: Turn, send: (ready: Ready) => void): Promise<Refusal | undefined> {
    try {
      return await this.#run(plan, turn, send);
    } catch (error) {
      if (error instanceof Unresolvable || error instanceof Unfit) {
        const kind = error instanceof Unfit ? "encoding" : "unsupported";
        return this.#ports.refuse({ kind, message: error.message, text: plan.subject.paths.join(" ") });
      }
      throw error;
    }
  }

  async #run(plan: Plan, turn: Turn, send: (ready: Ready) => void): Promise<Refusal | undefined> {
    const { structural } = plan.subject;
    const seen = this.#names.generation;
    let places = await plan.look(this.#lookup);
    for (let times = 0; times < DECISIONS; times++) {
      const action = plan.action(places);
      turn.widen(action.paths);
      const decision = await this.#ports.decide(action);
      if (!decision.ok) return decision.refusal;
      const ready = { request: plan.request(places), action, decision };
      if (times === 0 && !decision.held && this.#names.unchanged(seen)) {
        const release = structural ? this.#names.changeNow(seen) : undefined;
        if (!structural || release) {
          send({ ...ready, release });
          return undefined;
        }
      }
      const release = await this.#names.turn(structural);
      let sent = false;
      try {
        places = await plan.look(this.#lookup);
        if (plan.action(places).identity === action.identity) {
          send({ ...ready, release: structural ? release : undefined });
          sent = true;
          return undefined;
        }
      } finally {
        if (!sent || !structural) release();
      }
      if (decision.held) break;
    }
    return this.#ports.refuse({
      kind: "unsupported",
      message: "The path leads elsewhere than when it was decided.",
      text: plan.subject.paths.join(" "),
    });
  }
}
