import { timingSafeEqual } from "node:crypto";

/** Whether what was given is what is wanted, in a time that tells nothing of where they differ. */
export function isSame(given: string, wanted: string): boolean {
  const [left, right] = [Buffer.from(given), Buffer.from(wanted)];
  return left.length === right.length && timingSafeEqual(left, right);
}
