/** A time that has to pass. Milliseconds since the epoch. */
export interface Wait {
  readonly since: number;
  readonly until: number;
}

export const noWait: Wait = { since: Number.NEGATIVE_INFINITY, until: Number.NEGATIVE_INFINITY };

export function waitOf(milliseconds: number, now: number): Wait {
  return { since: now, until: now + milliseconds };
}

/** A clock that was set back ends a wait: else what has to be taken back would stay for as long as it was set back. */
export function isOver({ since, until }: Wait, now: number): boolean {
  return now >= until || now < since;
}

/** The same, but no longer than this from its beginning on. */
export function shorten({ since, until }: Wait, milliseconds: number): Wait {
  return { since, until: Math.min(until, since + milliseconds) };
}

/** Twice as long each time, and at random between the half and the whole, so that many don't come back at once. */
export function backOff(
  failures: number,
  limits: { readonly first: number; readonly longest: number },
  random: () => number,
): number {
  const whole = Math.min(limits.longest, limits.first * 2 ** Math.min(failures, 30));
  return Math.max(limits.first, whole * (0.5 + random() / 2));
}
