// Commands that wait for a person, by pgjdbc. `npm run test:clients` runs this.
import { delimiter } from "node:path";
import t from "tap";
import { heldWorld } from "./held.ts";
import { canRun, compile, installed, onPath, plays } from "./world.ts";

const lib = installed("java", "lib");
// Of its own, since the other test of this world compiles at the same time.
const classes = installed("java", "held");

if (canRun(t, "java", onPath("javac"), onPath("java"), lib)) {
  const sources = ["Tap", "Pgjdbc", "Held", "Patient"].map((name) => `java/${name}.java`);
  await compile("javac", ["-d", classes, "-cp", `${lib}/*`, ...sources]);
  const args = ["-cp", [classes, `${lib}/*`].join(delimiter), "Held"];
  await heldWorld(t, "java", (env) => plays(t, "pgjdbc", "java", args, env));
}
