import { readFile } from "node:fs/promises";

/** USER_HZ: what the kernel counts processor time in, whatever its own tick is (time(7)). */
const TICKS_PER_SECOND = 100;

/** Seconds of processor time, of user and system, that a process's threads have taken so far (proc_pid_stat(5)). */
export async function cpuSeconds(pid: number): Promise<number> {
  return cpuOf(await readFile(`/proc/${pid}/stat`, "utf8"));
}

/** The same of the text of a `stat` file. */
export function cpuOf(stat: string): number {
  // The name in parentheses may hold anything, so fields are counted from the last one: state is the first after it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [user, system] = [Number(fields[11]), Number(fields[12])];
  if (!Number.isFinite(user + system)) throw new Error("A stat file without its times.");
  return (user + system) / TICKS_PER_SECOND;
}

/** Bytes of a process's memory that are in RAM (VmRSS, proc_pid_status(5)). */
export async function residentBytes(pid: number): Promise<number> {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1];
  if (kilobytes === undefined) throw new Error(`Process ${pid} has ended.`);
  return Number(kilobytes) * 1024;
}
