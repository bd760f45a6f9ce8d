import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import t from "tap";
import { eventsOf, shownIn } from "./support/events.ts";

/** How many times the process says how far it is before it is killed: a different moment each time. */
const MOMENTS = [1, 7, 30];

t.test(
  "after a crash a recording plays up to its last whole line, and has all that it had room for",
  async (t) => {
    for (const moment of MOMENTS) {
      const folder = t.testdir();
      const child = spawn(process.execPath, [join(import.meta.dirname, "support", "endless.ts"), folder], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const said: number[] = [];
      for await (const line of createInterface(child.stdout)) {
        said.push(Number(line));
        if (said.length === moment) child.kill("SIGKILL");
      }
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      t.equal(child.signalCode, "SIGKILL");
      const lines = shownIn(await eventsOf(join(folder, "2026-11-22", "ses_1-0.cast")))
        .split("\r\n")
        .slice(0, -1);
      t.ok(
        lines.every((line, number) => line === `line ${number} €`),
        "whole, and in order",
      );
      t.ok(lines.length > Math.max(...said), `${lines.length} lines`);
    }
  },
);
