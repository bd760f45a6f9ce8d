// Java's driver. `npm run test:clients` runs this.
import { delimiter } from "node:path";
import t from "tap";
import { canRun, compile, gatewayFor, installed, onPath, plays } from "./world.ts";

const lib = installed("java", "lib");
const classes = installed("java", "classes");

if (canRun(t, "java", onPath("javac"), onPath("java"), lib)) {
  await compile("javac", ["-d", classes, "-cp", `${lib}/*`, "java/Tap.java", "java/Pgjdbc.java"]);
  const classPath = ["-cp", [classes, `${lib}/*`].join(delimiter)];
  const { env } = await gatewayFor(t);
  await plays(t, "pgjdbc", "java", [...classPath, "Pgjdbc"], env);
}
