import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { generatePrivateKey, type PublicKey, writePrivateKey } from "@gatehouse/openssh";
import { type SshServer, startSshServer } from "@gatehouse/testkit";

/** The demo's SSH target: a server of somebody else's making, whose shell knows a few words and has one folder for a machine. */
export interface DemoWeb {
  readonly server: SshServer;
  /** What it has for `/`. */
  readonly folder: string;
  readonly hostKey: PublicKey;
  /** The private key that it lets in: the gateway's alone. */
  readonly key: string;
}

/** Whom it knows. */
export const LOGIN = "deploy";

/** Made up, as Amazon's own documentation has it. */
export const SECRET = "AKIAIOSFODNN7EXAMPLE";

export async function startWeb(folder: string): Promise<DemoWeb> {
  await mkdir(join(folder, "app"), { recursive: true });
  await writeFile(join(folder, "app", "status"), "app 1.4.2, up for 12 days\n");
  await writeFile(join(folder, "app", "env"), `REGION=eu-central-1\nAWS_ACCESS_KEY_ID=${SECRET}\n`);
  const host = generatePrivateKey("ssh-ed25519");
  const gateway = generatePrivateKey("ssh-ed25519");
  const server = await startSshServer({
    hostKey: writePrivateKey(host, "web").reveal(),
    authorizedKey: gateway.publicKey.toString(),
    user: LOGIN,
    folder,
  });
  return { server, folder, hostKey: host.publicKey, key: writePrivateKey(gateway, "gatehouse").reveal() };
}
