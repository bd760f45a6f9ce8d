import type { Held } from "./approval.ts";
import type { Command } from "./command.ts";
import type { Decision } from "./decision.ts";
import type { OpenSession } from "./gate.ts";
import type { Permit } from "./permit.ts";
import type { Refusal } from "./refusal.ts";

export type Decided<C extends Command> =
  | {
      readonly ok: true;
      readonly command: C;
      readonly permit: Permit;
      readonly decision: Decision;
      /** What it waited for, where it did: it is told what became of the command. */
      readonly held?: Held;
    }
  | { readonly ok: false; readonly refusal: Refusal };

/**
 * Has a command decided, and waits for people where a rule says so.
 * @param make puts the command together, anew when a wait has ended: what is run is what is known then
 * @param waits is told of the wait when it begins; whoever sees the client go ends it by `Held.gone`
 */
export async function decide<C extends Command>(
  session: OpenSession,
  make: () => C,
  waits: (held: Held) => void,
): Promise<Decided<C>> {
  let command = make();
  let deciding = session.decide(command);
  let held: Held | undefined;
  if (deciding.effect === "hold") {
    held = deciding.held;
    waits(held);
    await held.ended;
    command = make();
    deciding = session.decide(command, held);
    // With what it has waited for, nothing is held again.
    if (deciding.effect === "hold") throw new TypeError("A command that has waited was held again.");
  }
  const verdict = await deciding.verdict;
  if (!verdict.ok) return verdict;
  const { permit, decision } = verdict;
  return { ok: true, command, permit, decision, ...(held ? { held } : {}) };
}
