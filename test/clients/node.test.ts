// Node's drivers. `npm run test:clients` runs this.
import t from "tap";
import { canRun, gatewayFor, installed, plays } from "./world.ts";

if (canRun(t, "node", installed("node", "node_modules"))) {
  const { env } = await gatewayFor(t);
  const script = (driver: string, file: string) =>
    plays(t, driver, process.execPath, ["--test-reporter=tap", file], env);
  await script("node-postgres", "node/node-postgres.js");
  await script("postgres.js", "node/postgres-js.js");
}
