// Go's drivers. `npm run test:clients` runs this.
import { join } from "node:path";
import t from "tap";
import { maskedGatewayFor } from "./masked.ts";
import { canRun, compile, gatewayFor, installed, onPath, plays } from "./world.ts";

if (canRun(t, "go", onPath("go"), installed("go"))) {
  await compile("go", ["build", "-C", "go", "-o", `${installed("go")}/`, "./pgx", "./pq", "./masked"]);
  const { env } = await gatewayFor(t);
  for (const driver of ["pgx", "pq"]) await plays(t, driver, join(installed("go"), driver), [], env);
  await t.test("masked values", async (t) => {
    const masked = await maskedGatewayFor(t);
    await plays(t, "pgx", join(installed("go"), "masked"), [], masked.env);
  });
}
