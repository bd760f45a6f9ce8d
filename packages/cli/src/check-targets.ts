import type { MintProblem } from "@gatehouse/core";
import { type Configuration, checkTargets, loadProtocols, type WayCheck } from "@gatehouse/gateway";
import { paint, print, printError } from "./output.ts";

/**
 * Tries the ways into all targets. @param tried is told of each, as soon as it was
 * @returns whether all of them can be used
 */
export async function tryWays(
  configuration: Configuration,
  tried: (way: WayCheck) => void,
): Promise<boolean> {
  const silent = () => undefined;
  const log = { debug: silent, info: silent, warn: silent, error: silent };
  const protocols = loadProtocols();
  let good = true;
  try {
    for await (const way of checkTargets(configuration, protocols, log)) {
      good &&= !way.problems.some(isInTheWay);
      tried(way);
    }
  } finally {
    await Promise.all(protocols.map((protocol) => protocol.dispose()));
  }
  return good;
}

/** A way in a line, and each of its problems in one or two more. */
export function printWay({ target, level, user, minted, problems }: WayCheck): void {
  const wrong = problems.some(isInTheWay);
  const made = minted ? `logged in as ${user}, made for this and removed` : `logged in as ${user}`;
  const what = user === undefined ? "" : `: ${made}`;
  if (!wrong) print(`${paint("green", "✔")} target ${target}, level ${level}${what}`);
  for (const problem of problems) {
    const { message, hint } = problem;
    const [mark, colour] = isInTheWay(problem) ? (["✘", "red"] as const) : (["!", "yellow"] as const);
    printError(`${paint(colour, mark, process.stderr)} target ${target}, level ${level}: ${message}`);
    if (hint !== "") printError(`  ${hint}`);
  }
}

function isInTheWay({ minor }: MintProblem): boolean {
  return minor !== true;
}
