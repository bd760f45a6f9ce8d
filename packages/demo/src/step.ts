import type { Demo } from "./environment.ts";

/** One step of the story: what it shows, and the playing of it; it throws where that does not hold. */
export interface Step {
  readonly shows: string;
  play(demo: Demo): Promise<void>;
}

export function expect(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}
