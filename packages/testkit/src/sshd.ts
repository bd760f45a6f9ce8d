import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { freePort } from "./free-port.ts";

const SSHD = "/usr/sbin/sshd";

/** A real sshd on a port of its own, which lets the tests' own user in by one key. */
export interface Sshd {
  readonly port: number;
  readonly user: string;
  readonly folder: string;
  /** The public host key, as known_hosts has it. */
  readonly hostKey: string;
  /** The private key that gets in. */
  readonly key: string;
  readonly keyFile: string;
  /** What sshd has logged. */
  readonly log: readonly string[];
  stop(): Promise<void>;
}

/** @param lines of its config, beside those that the tests need; the first of a keyword counts */
export async function startSshd(lines: readonly string[] = []): Promise<Sshd> {
  const folder = await mkdtemp(join(tmpdir(), "gatehouse-sshd-"));
  const file = (name: string) => join(folder, name);
  for (const name of ["host_key", "user_key"]) makeKey(file(name));
  const port = await freePort();
  const { username: user } = userInfo();
  // Where sshd runs as root, it wants this folder for those whom it has not let in yet.
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  await writeFile(
    file("sshd_config"),
    [
      ...lines,
      "ListenAddress 127.0.0.1",
      `Port ${port}`,
      `HostKey ${file("host_key")}`,
      `AuthorizedKeysFile ${file("user_key.pub")}`,
      "PidFile none",
      "StrictModes no",
      "UsePAM no",
      "PermitRootLogin yes",
      "PasswordAuthentication no",
      "KbdInteractiveAuthentication no",
      "AcceptEnv *",
      "MaxStartups 1000",
      "MaxSessions 1000",
      "X11Forwarding yes",
      "PrintMotd no",
      "PrintLastLog no",
      "LogLevel VERBOSE",
      "Subsystem sftp internal-sftp",
      "",
    ].join("\n"),
  );
  const child = spawn(SSHD, ["-D", "-e", "-f", file("sshd_config")], { stdio: ["ignore", "ignore", "pipe"] });
  const log: string[] = [];
  await listening(child, log);
  return {
    port,
    user,
    folder,
    hostKey: (await readFile(file("host_key.pub"), "utf8")).trim(),
    key: await readFile(file("user_key"), "utf8"),
    keyFile: file("user_key"),
    log,
    async stop() {
      const gone = once(child, "exit");
      child.kill();
      await gone;
      await rm(folder, { recursive: true });
    },
  };
}

function makeKey(file: string): void {
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", file]);
}

async function listening(child: ChildProcess, log: string[]): Promise<void> {
  if (child.stderr === null) throw new Error("sshd's standard error is not read.");
  const lines = createInterface({ input: child.stderr });
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`sshd has ended (${code}): ${log.join("\n")}`)));
    lines.on("line", (line) => {
      log.push(line);
      if (line.startsWith("Server listening")) resolve();
    });
  });
}
