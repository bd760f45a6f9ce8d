import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { filePath, settingsReader } from "@gatehouse/documents";
import type { Test } from "tap";
import { z } from "zod";
import { type Config, type ConfigProtocol, type ConfigResult, loadConfig } from "../src/index.ts";

/** It seals what it carries by itself, and knows who each rider is. */
const courier: ConfigProtocol = {
  name: "courier",
  security: "own",
  credentials: {
    proofs: ["password", "key", "authority"],
    user: (level, settings) =>
      typeof settings === "object" && settings !== null && "rider" in settings
        ? String(settings.rider)
        : level,
  },
  listenerSettings: settingsReader((folder) =>
    z.strictObject({ seal: filePath(folder), horses: z.int().min(1).default(2) }),
  ),
  targetSettings: settingsReader((folder) => z.strictObject({ seals: filePath(folder).exactOptional() })),
  levelSettings: settingsReader(z.strictObject({ rider: z.string().exactOptional() })),
};

/** Three protocols that exist nowhere: the config must not need to know a real one. */
export const protocols: readonly ConfigProtocol[] = [
  {
    name: "telegraph",
    security: "tls",
    credentials: { proofs: ["password", "certificate"] },
    listenerSettings: settingsReader(z.strictObject({})),
    targetSettings: settingsReader(z.strictObject({ station: z.string(), wires: z.int().min(1).default(2) })),
    levelSettings: settingsReader(
      z.strictObject({ urgent: z.boolean().default(false), guild: z.string().exactOptional() }),
    ),
    minting: {
      mints: (settings) => typeof settings === "object" && settings !== null && "guild" in settings,
    },
  },
  {
    name: "semaphore",
    security: "tls",
    credentials: { proofs: ["password"] },
    listenerSettings: settingsReader(z.strictObject({ mast: z.int().default(1) })),
    targetSettings: settingsReader(z.strictObject({ flags: z.enum(["red", "yellow"]).default("red") })),
    levelSettings: settingsReader(z.strictObject({})),
  },
  courier,
];

/** The shortest good file. */
export const shortest = `tls: { cert: file:certs/gateway.crt, key: file:certs/gateway.key }
listeners:
  telegraph: { address: 127.0.0.1:15432 }
identity:
  oidc:
    - name: corp
      issuer: https://idp.example.com
      audience: gatehouse
targets:
  orders:
    protocol: telegraph
    address: db.internal:5432
    station: paddington
    credential: { user: gatehouse, password: env:ORDERS_PASSWORD }
    levels:
      reader: {}
policies: [file:policies/*.yaml]
`;

/** A folder with a config and one policy file -> the config's path. */
export function configFile(t: Test, text: string): string {
  const folder = t.testdir();
  mkdirSync(join(folder, "policies"));
  writeFileSync(join(folder, "policies", "orders.yaml"), "");
  const file = join(folder, "gatehouse.yaml");
  writeFileSync(file, text);
  return file;
}

export function load(t: Test, text: string): Promise<ConfigResult> {
  return loadConfig(configFile(t, text), protocols);
}

export async function loadGood(t: Test, text: string): Promise<Config> {
  const result = await load(t, text);
  if (result.ok) return result.config;
  throw new Error(result.problems.map(({ line, message }) => `${line}: ${message}`).join("\n"));
}

/** Each problem as `line:column message`; none for a good file. */
export async function problemsOf(t: Test, text: string): Promise<string[]> {
  const result = await load(t, text);
  return result.ok ? [] : result.problems.map(({ line, column, message }) => `${line}:${column} ${message}`);
}
