// Java's driver. `npm run test:clients` runs this.
import { delimiter } from "node:path";
import t from "tap";
import { maskedGatewayFor } from "./masked.ts";
import { canRun, compile, gatewayFor, installed, onPath, plays } from "./world.ts";

const lib = installed("java", "lib");
const classes = installed("java", "classes");

if (canRun(t, "java", onPath("javac"), onPath("java"), lib)) {
  const sources = ["Tap", "Pgjdbc", "Masked"].map((name) => `java/${name}.java`);
  await compile("javac", ["-d", classes, "-cp", `${lib}/*`, ...sources]);
  const classPath = ["-cp", [classes, `${lib}/*`].join(delimiter)];
  const { env } = await gatewayFor(t);
  await plays(t, "pgjdbc", "java", [...classPath, "Pgjdbc"], env);
  await t.test("masked values", async (t) => {
    const masked = await maskedGatewayFor(t);
    await plays(t, "pgjdbc", "java", [...classPath, "Masked"], masked.env);
  });
}
