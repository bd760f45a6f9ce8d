/*
 * Has a gateway's process die by SIGKILL at one of its writes: those of the audit log, which are the only ones at a
 * position of a file, and those of the store. To be imported before anything of the gateway's.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { DatabaseSync, StatementSync } from "node:sqlite";

/** Right before the write, right behind it, or when half of its bytes are on the file, which is for the log alone. */
export type Moment = "before" | "after" | "torn";

export interface Kill {
  /** The first write from now on is 1. */
  readonly write: number;
  readonly moment: Moment;
}

let left = Number.POSITIVE_INFINITY;
let moment: Moment = "before";

export function killAt(kill: Kill): void {
  left = kill.write;
  moment = kill.moment;
}

/** @param half writes a part of it; absent where that can't be */
function counted<T>(write: () => T, half?: () => unknown): T {
  if (moment === "torn" && !half) return write();
  left--;
  if (left !== 0) return write();
  if (moment === "after") write();
  else if (moment === "torn") half?.();
  process.kill(process.pid, "SIGKILL");
  // Nothing is done from here on, however late the signal is.
  for (;;);
}

const { writeSync } = fs;
fs.writeSync = ((fd: number, bytes: Uint8Array, offset: number, length: number, position?: number | null) => {
  const write = (size: number) => writeSync(fd, bytes, offset, size, position);
  if (typeof position !== "number") return write(length);
  return counted(
    () => write(length),
    () => write(Math.floor(length / 2)),
  );
}) as typeof fs.writeSync;
syncBuiltinESMExports();

const { prototype: statement } = StatementSync;
type Run = (this: StatementSync, ...values: unknown[]) => unknown;
const run = Reflect.get<typeof statement, "run">(statement, "run") as Run;
Reflect.set(statement, "run", function (this: StatementSync, ...values: unknown[]) {
  return counted(() => run.apply(this, values));
});

const { prototype: database } = DatabaseSync;
const exec = Reflect.get<typeof database, "exec">(database, "exec");
Reflect.set(database, "exec", function (this: DatabaseSync, sql: string) {
  counted(() => exec.call(this, sql));
});
