import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * V8's full garbage collection, which a program is not given unless it asks. What buffers had is given back by another thread behind it, for which
 * the next collection waits: so there are two.
 */
export function collector(): () => void {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (!isAction(collect)) throw new Error("This V8 lets nobody collect.");
  return () => {
    collect();
    collect();
  };
}

function isAction(value: unknown): value is () => void {
  return typeof value === "function";
}
