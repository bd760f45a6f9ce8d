import { readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";

/** What the kernel knows of a process (Linux: proc(5)). The product has no door for this, and needs none. */
export interface ProcessFigures {
  /** Bytes. */
  readonly resident: number;
  /** The most that it ever was: the kernel counts it, and misses nothing between two looks. */
  readonly peak: number;
  readonly descriptors: number;
  /** TCP sockets that do not listen, by their two ports: `15432 <- 40112`. */
  readonly connections: readonly string[];
}

const LISTEN = "0A";

/** @throws Error ENOENT when the process is gone */
export async function figuresOf(pid: number): Promise<ProcessFigures> {
  const folder = join("/proc", String(pid));
  const [status, descriptors, tables] = await Promise.all([
    readFile(join(folder, "status"), "utf8"),
    targetsOf(join(folder, "fd")),
    Promise.all(["tcp", "tcp6"].map((name) => readFile(join(folder, "net", name), "utf8"))),
  ]);
  const open = new Set(descriptors.map((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1]));
  const connections = tables
    .flatMap((table) => table.trim().split("\n").slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) => state !== LISTEN && open.has(inode))
    .map(([, local = "", remote = ""]) => `${port(local)} - ${port(remote)}`);
  return {
    resident: kilobytes(status, "VmRSS") * 1024,
    peak: kilobytes(status, "VmHWM") * 1024,
    descriptors: descriptors.length,
    connections,
  };
}

/** A line of /proc/PID/status. @throws Error when the process has ended: it has no memory then */
function kilobytes(status: string, name: string): number {
  const figure = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1];
  if (figure === undefined) throw new Error(`The process has ended: it has no ${name}.`);
  return Number(figure);
}

/** `0100007F:1538` -> 5432. */
function port(address: string): number {
  return Number.parseInt(address.split(":")[1] ?? "", 16);
}

async function targetsOf(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  // One that was closed in between is none.
  return Promise.all(names.map((name) => readlink(join(folder, name)).catch(() => "")));
}
