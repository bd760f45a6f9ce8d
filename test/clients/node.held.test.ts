// Commands that wait for a person, by Node's drivers. `npm run test:clients` runs this.
import t from "tap";
import { heldWorld } from "./held.ts";
import { canRun, installed, plays } from "./world.ts";

if (canRun(t, "node", installed("node", "node_modules"))) {
  await heldWorld(t, "node", async (env) => {
    const script = (driver: string, file: string) =>
      plays(t, driver, process.execPath, ["--test-reporter=tap", file], env);
    await Promise.all([
      script("node-postgres", "node/held-node-postgres.js"),
      script("postgres.js", "node/held-postgres-js.js"),
    ]);
  });
}
