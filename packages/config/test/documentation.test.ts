import { readFileSync } from "node:fs";
import { settingsReader } from "@gatehouse/documents";
import t from "tap";
import { z } from "zod";
import { type ConfigProtocol, loadConfig } from "../src/index.ts";
import { configFile } from "./made-up.ts";

const text = readFileSync(new URL("../../../docs/configuration.md", import.meta.url), "utf8");

t.test("the example in docs/configuration.md loads", async (t) => {
  const [, example = ""] = /```yaml\n(.*?)```/s.exec(text) ?? [];
  const postgres: ConfigProtocol = {
    name: "postgres",
    security: "tls",
    credentials: { proofs: ["password", "certificate"] },
    listenerSettings: settingsReader(z.strictObject({})),
    targetSettings: settingsReader(z.strictObject({ database: z.string() })),
    levelSettings: settingsReader(z.strictObject({ memberOf: z.unknown(), settings: z.unknown() }).partial()),
    minting: {
      mints: (settings: unknown) =>
        typeof settings === "object" && settings !== null && "memberOf" in settings,
    },
  };
  const result = await loadConfig(configFile(t, example), [postgres]);
  t.same(result.ok ? [...result.config.targets.keys()] : result.problems, ["orders"]);
});
