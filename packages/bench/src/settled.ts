import { setTimeout as pause } from "node:timers/promises";
import { residentBytes } from "./process-figures.ts";

/** Looks, half a second apart, after which the memory has to have stood still. */
const STILL = 4;
const LOOKS = 40;

/** A process's resident memory, once it no longer changes by more than a hundredth. */
export async function settled(pid: number): Promise<number> {
  let last = await residentBytes(pid);
  for (let look = 0, still = 0; look < LOOKS && still < STILL; look++) {
    await pause(500);
    const now = await residentBytes(pid);
    still = Math.abs(now - last) < last / 100 ? still + 1 : 0;
    last = now;
  }
  return last;
}
