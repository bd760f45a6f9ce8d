import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { findPrograms, type Programs as Found } from "../programs.ts";

const execute = promisify(execFile);

const NAMES = ["ssh", "sftp", "sshd", "ssh-keygen", "bash"] as const;

/** Paths of what the bench runs. */
export type Programs = Found<(typeof NAMES)[number]>;

/** What to do where they are missing, on Debian and its children. */
export const INSTALL =
  "apt-get update && apt-get install -y --no-install-recommends openssh-client openssh-server";

/** @throws Error that names each missing one, and says what to install */
export function findOpenssh(): Promise<Programs> {
  return findPrograms(NAMES, INSTALL);
}

/** What OpenSSH says that it is. */
export async function versions({ ssh }: Programs): Promise<Readonly<Record<string, string>>> {
  const { stderr } = await execute(ssh, ["-V"]);
  return { openssh: stderr.trim() };
}
