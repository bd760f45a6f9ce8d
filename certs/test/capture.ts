import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import type { Test } from "tap";

/** What a function of node:fs/promises is called with until the test ends; it does its work as always. */
export function captureBuiltin(t: Test, name: "open" | "stat"): { args(): readonly (readonly unknown[])[] } {
  const capture = t.capture(fs, name, fs[name]);
  syncBuiltinESMExports();
  t.teardown(() => {
    capture.restore();
    syncBuiltinESMExports();
  });
  return capture;
}
