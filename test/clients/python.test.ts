// Python's drivers. `npm run test:clients` runs this.
import t from "tap";
import { maskedGatewayFor } from "./masked.ts";
import { callbackFor } from "./webhooks.ts";
import { canRun, gatewayFor, installed, plays } from "./world.ts";

const python = installed("python", "bin", "python");

if (canRun(t, "python", python)) {
  const { env } = await gatewayFor(t);
  const script = (driver: string, ...args: string[]) => plays(t, driver, python, ["-B", ...args], env);
  await script("psycopg 3", "python/psycopg3.py");
  await script("psycopg2", "python/psycopg_2.py");
  await script("asyncpg", "python/asyncpg_.py");
  for (const dialect of ["psycopg", "psycopg2", "asyncpg"]) {
    await script(`SQLAlchemy over ${dialect}`, "python/sqlalchemy_.py", dialect);
  }
  await t.test("docs/webhooks.md", async (t) => {
    await plays(t, "the standard library", python, ["-B", "python/webhooks.py"], await callbackFor(t));
  });
  await t.test("masked values", async (t) => {
    const masked = await maskedGatewayFor(t);
    await plays(t, "psycopg 3, asyncpg, SQLAlchemy", python, ["-B", "python/masked.py"], masked.env);
  });
}
