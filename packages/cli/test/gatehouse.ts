import { type ChildProcess, spawn } from "node:child_process";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createAuthority, writePair } from "@gatehouse/certs";
import type { Test } from "tap";

const main = join(import.meta.dirname, "..", "src", "main.ts");

export interface Output {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the command as a process of its own. */
export function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
  return spawn(process.execPath, [main, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env["PATH"], ...env },
  });
}

/** Runs the command to its end. */
export async function gatehouse(
  args: readonly string[],
  env?: Readonly<Record<string, string>>,
): Promise<Output> {
  const child = start(args, env);
  const read = async (stream: ChildProcess["stdout"]) => {
    let text = "";
    for await (const chunk of stream?.setEncoding("utf8") ?? []) text += String(chunk);
    return text;
  };
  const code = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [stdout, stderr] = await Promise.all([read(child.stdout), read(child.stderr)]);
  return { code: await code, stdout, stderr };
}

/** A folder with a config that is right, certificates included; ports are the system's to choose. */
export async function configFolder(t: Test): Promise<{ readonly folder: string; readonly config: string }> {
  const folder = t.testdir({ policies: {} });
  const now = Date.now();
  const authority = await createAuthority({ name: "test", now });
  const pair = await authority.issue({
    use: "server",
    commonName: "gateway",
    names: ["localhost", "127.0.0.1"],
    now,
  });
  await mkdir(join(folder, "certs"));
  await writePair(join(folder, "certs"), "gateway", pair);
  await writeFile(join(folder, "ca.crt"), authority.certificatePem);
  await cp(join(import.meta.dirname, "..", "..", "demo", "policies"), join(folder, "policies"), {
    recursive: true,
    // Without the masks and the cases, of which tests write their own, and what is about other targets than the database.
    filter: (path) => !/personal-data|[/\\](?:api|model|web)[^/\\]*$|\.test\.yaml$|\.json$/.test(path),
  });
  const config = join(folder, "gatehouse.yaml");
  await writeFile(
    config,
    `tls: { cert: file:certs/gateway.crt, key: file:certs/gateway.key }
listeners:
  postgres: { address: 127.0.0.1:0 }
  control: { address: 127.0.0.1:0 }
identity:
  oidc: [{ name: corp, issuer: "https://127.0.0.1:1", audience: gatehouse, ca: file:ca.crt }]
targets:
  orders:
    protocol: postgres
    address: 127.0.0.1:1
    database: orders
    levels:
      reader: { credential: { user: reader, password: env:READER_PASSWORD } }
      writer: { credential: { user: writer, password: env:READER_PASSWORD } }
policies: [file:policies/*.yaml]
drain: 1s
`,
  );
  return { folder, config };
}
