import { setTimeout } from "node:timers/promises";

/** Asks until the answer is so; the runner's own deadline ends it when it never is. */
export async function eventually(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await setTimeout(20);
}
