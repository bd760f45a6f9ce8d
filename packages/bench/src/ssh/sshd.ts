import { accepts, startService, type Service } from "../processes.ts";
import { publicKey, type Site } from "./site.ts";

/** A running sshd. */
export interface Sshd extends Service {
  /** Its public key, as known_hosts has it. */
  readonly hostKey: string;
}

/** @param key the private key that gets in */
export async function startSshd(
  site: Site,
  { name, port, key }: { readonly name: string; readonly port: number; readonly key: string },
): Promise<Sshd> {
  const hostKey = await site.makeKey(`${name}-${port}-host`);
  const config = await site.put(
    `${name}-sshd`,
    `ListenAddress 127.0.0.1
Port ${port}
HostKey ${hostKey}
AuthorizedKeysFile ${key}.pub
PidFile none
StrictModes no
UsePAM no
UseDNS no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 1000
PrintMotd no
PrintLastLog no
Subsystem sftp internal-sftp
`,
  );
  const service = await startService(
    { program: site.programs.sshd, args: ["-D", "-e", "-f", config], cwd: site.folder, signal: site.signal },
    () => accepts({ port, host: "127.0.0.1" }),
  );
  return { ...service, hostKey: (await publicKey(hostKey)).split(" ").slice(0, 2).join(" ") };
}
