// Node's drivers. `npm run test:clients` runs this.
import t from "tap";
import { maskedGatewayFor } from "./masked.ts";
import { canRun, gatewayFor, installed, plays } from "./world.ts";

if (canRun(t, "node", installed("node", "node_modules"))) {
  const { env } = await gatewayFor(t);
  const script = (driver: string, file: string) =>
    plays(t, driver, process.execPath, ["--test-reporter=tap", file], env);
  await script("node-postgres", "node/node-postgres.js");
  await script("postgres.js", "node/postgres-js.js");
  await t.test("masked values", async (t) => {
    const masked = await maskedGatewayFor(t);
    const args = ["--test-reporter=tap", "node/masked.js"];
    await plays(t, "node-postgres, postgres.js", process.execPath, args, masked.env);
  });
}
