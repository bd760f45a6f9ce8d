// Commands that wait for a person, by Python's drivers. `npm run test:clients` runs this.
import t from "tap";
import { heldWorld } from "./held.ts";
import { canRun, installed, plays } from "./world.ts";

const python = installed("python", "bin", "python");

if (canRun(t, "python", python)) {
  await heldWorld(t, "python", async (env) => {
    const script = (driver: string, ...args: string[]) => plays(t, driver, python, ["-B", ...args], env);
    await Promise.all([
      script("psycopg 3", "python/held_psycopg3.py"),
      script("psycopg2", "python/held_psycopg_2.py"),
      script("asyncpg", "python/held_asyncpg.py"),
      script("SQLAlchemy over psycopg", "python/held_sqlalchemy.py", "psycopg"),
      script("SQLAlchemy over psycopg2", "python/held_sqlalchemy.py", "psycopg2"),
    ]);
  });
}
