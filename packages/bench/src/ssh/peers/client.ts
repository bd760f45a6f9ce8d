import { chmod } from "node:fs/promises";
import type { Site } from "../site.ts";
import type { Asked } from "../stage.ts";

/** Where a client goes, and by what. */
export interface Way {
  /** What it is called in the client's config. */
  readonly name: string;
  readonly port: number;
  readonly user: string;
  readonly key: string;
  readonly hostKey: string;
}

/** Writes a config of ssh for one way; nothing of the user's own config is read. Gives its path. */
export async function clientConfig(site: Site, { name, port, user, key, hostKey }: Way): Promise<string> {
  const knownHosts = await site.put(`${name}-known-hosts`, `[127.0.0.1]:${port} ${hostKey}\n`);
  return site.put(
    `${name}-ssh`,
    `Host ${name}
  HostName 127.0.0.1
  Port ${port}
  User ${user}
  IdentityFile ${key}
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile ${knownHosts}
  GlobalKnownHostsFile none
  BatchMode yes
  LogLevel ERROR
`,
  );
}

/**
 * The arguments of an ssh by one way.
 * @param options of ssh's own
 */
export function sshArguments(
  config: string,
  name: string,
  { command, terminal }: Asked,
  options: readonly string[] = [],
): readonly string[] {
  return ["-F", config, terminal ? "-tt" : "-T", ...options, name, command];
}

/** A program for `sftp -S`: it takes no notice of what sftp says, and goes its own way. Gives its path. */
export async function sftpProgram(site: Site, name: string, args: readonly string[]): Promise<string> {
  const { bash, ssh } = site.programs;
  const path = await site.put(`${name}-sftp`, `#!${bash}\nexec ${words([ssh, ...args])}\n`);
  await chmod(path, 0o700);
  return path;
}

/** Words of a shell's command line. */
export function words(all: readonly string[]): string {
  return all.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
}
