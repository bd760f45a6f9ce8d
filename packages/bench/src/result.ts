import type { Round } from "./rounds.ts";
import { median } from "./statistics.ts";
import { type Against, type Line, type PeerName, peerNames, satisfies, type Work } from "./work.ts";

/** A line of the table, measured. */
export interface Result {
  readonly line: Line;
  /** Each peer's median over the rounds. */
  readonly figures: Readonly<Partial<Record<PeerName, number>>>;
  /** The same of the CPU microseconds for each transaction, row, ... */
  readonly cpu: Readonly<Partial<Record<PeerName, number>>>;
  readonly rounds: readonly Readonly<Partial<Record<PeerName, number>>>[];
  /** The ratio of each round; none where there is nothing to divide by. */
  readonly ratios: readonly number[];
  /** Their median; none where half of the rounds or more have no ratio. */
  readonly ratio?: number;
  /** Whether it is what is wanted. */
  readonly met: boolean;
}

/** A work that could not be done; it is shown, since what is left out looks like what is good. */
export interface Failure {
  readonly work: string;
  readonly reason: string;
}

/** What the rounds of a work come to, a result for each of its lines. */
export function resultsOf(work: Pick<Work<never, never>, "lines">, rounds: readonly Round[]): Result[] {
  return work.lines.map((line, index) => {
    const figures = rounds.map((round) => valuesOf(round, ({ figures }) => figures[index]));
    const ratios = figures.flatMap((values) => ratioOf(values, line.against) ?? []);
    // What is left of mostly noise is noise.
    const ratio = ratios.length > rounds.length / 2 ? median(ratios) : undefined;
    return {
      line,
      figures: medians(figures),
      cpu: medians(rounds.map((round) => valuesOf(round, ({ cpu }) => cpu))),
      rounds: figures,
      ratios,
      ...(ratio === undefined ? {} : { ratio }),
      met: ratio !== undefined && satisfies(ratio, line.wanted),
    };
  });
}

type Values = Readonly<Partial<Record<PeerName, number>>>;

/**
 * The gateway's figure against another's: how many times it is, or, `beyond` it, how much more. `added` is undefined in a round in which one of the two seems to take nothing:
 * that is the machine's noise, whichever of them it flatters.
 */
export function ratioOf(
  { gateway, pgbouncer, nginx, direct, relay, unmasked, unheld, standing, bastion }: Values,
  against: Against,
): number | undefined {
  if (gateway === undefined) return undefined;
  switch (against) {
    case "pgbouncer":
      return pgbouncer === undefined ? undefined : gateway / pgbouncer;
    case "nginx":
      return nginx === undefined ? undefined : gateway / nginx;
    case "direct":
      return direct === undefined ? undefined : gateway / direct;
    case "relay":
      return relay === undefined ? undefined : gateway / relay;
    case "unmasked":
      return unmasked === undefined ? undefined : gateway / unmasked;
    case "unheld":
      return unheld === undefined ? undefined : gateway / unheld;
    case "standing":
      return standing === undefined ? undefined : gateway / standing;
    case "bastion":
      return bastion === undefined ? undefined : gateway / bastion;
    case "beyond bastion":
      return bastion === undefined ? undefined : gateway - bastion;
    case "beyond direct":
      return direct === undefined ? undefined : gateway - direct;
    case "beyond unmasked":
      return unmasked === undefined ? undefined : gateway - unmasked;
    case "itself":
      return gateway;
    case "added":
      if (direct === undefined || pgbouncer === undefined || pgbouncer <= direct) return undefined;
      if (gateway <= direct) return undefined;
      return (gateway - direct) / (pgbouncer - direct);
  }
}

function valuesOf(
  round: Round,
  pick: (measured: NonNullable<ReturnType<Round["get"]>>) => number | undefined,
): Values {
  const values: Partial<Record<PeerName, number>> = {};
  for (const [name, measured] of round) {
    const value = pick(measured);
    if (value !== undefined) values[name] = value;
  }
  return values;
}

function medians(rounds: readonly Values[]): Values {
  const values: Partial<Record<PeerName, number>> = {};
  for (const name of peerNames) {
    const all = rounds.flatMap((round) => round[name] ?? []);
    if (all.length > 0) values[name] = median(all);
  }
  return values;
}
