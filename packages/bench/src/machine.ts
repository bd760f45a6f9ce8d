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

/** The mean number of programs that wanted a core in the last minute: what others do is in the figures too. */
export function busyCores(): number {
  return loadavg()[0] ?? 0;
}
