// Commands that wait for a person, by pgx. `npm run test:clients` runs this.
import { join } from "node:path";
import t from "tap";
import { heldWorld } from "./held.ts";
import { canRun, compile, installed, onPath, plays } from "./world.ts";

if (canRun(t, "go", onPath("go"), installed("go"))) {
  await compile("go", ["build", "-C", "go", "-o", `${installed("go")}/`, "./held", "./patient"]);
  await heldWorld(t, "go", (env) => plays(t, "pgx", join(installed("go"), "held"), [], env));
}
