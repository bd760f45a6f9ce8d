import { cpus, loadavg, release, totalmem, type } from "node:os";

/** What the figures were measured on; nothing that says whose machine it is. */
export function machine(): Readonly<Record<string, string | number>> {
  const all = cpus();
  return {
    system: `${type()} ${release()}`,
    processor: all[0]?.model ?? "unknown",
    cores: all.length,
    memoryBytes: totalmem(),
    node: process.version,
  };
}

/** How many programs wanted a core in the last minute, on average: what others do is in the figures too. */
export function loadAverage(): number {
  return loadavg()[0] ?? 0;
}
