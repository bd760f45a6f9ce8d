import { mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { GatehouseError, messageOf } from "@gatehouse/core";
import {
  generatePrivateKey,
  type PrivateKey,
  readPrivateKey,
  signatureAlgorithms,
  writePrivateKey,
} from "@gatehouse/openssh";
import type { HostKey } from "./transport/party.ts";

/** The name of the one that is made; one of each kind would be no better. */
const MADE = "host_key_ed25519";

/**
 * The gateway's own host keys: those that the config names, or one that is made at the first start, and kept, since clients
 * remember it.
 * @throws GatehouseError KEY_INVALID where one can't be read
 */
export async function ownHostKeys(files: readonly string[], folder: string): Promise<readonly HostKey[]> {
  if (files.length === 0) return [hostKeyOf(await madeKey(folder))];
  return Promise.all(files.map(async (file) => hostKeyOf(await keyIn(file))));
}

async function keyIn(file: string): Promise<PrivateKey> {
  try {
    return readPrivateKey(await readFile(file, "utf8"));
  } catch (cause) {
    throw new GatehouseError("KEY_INVALID", `The host key ${file} can't be used: ${messageOf(cause)}`, {
      cause,
    });
  }
}

async function madeKey(folder: string): Promise<PrivateKey> {
  const file = join(folder, MADE);
  try {
    return readPrivateKey(await readFile(file, "utf8"));
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) return keyIn(file);
  }
  const key = generatePrivateKey("ssh-ed25519");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // For people, who tell their clients what to expect.
  await write(`${file}.pub`, `${key.publicKey.toString()} gatehouse\n`, 0o644);
  await write(file, writePrivateKey(key, "gatehouse").reveal(), 0o600);
  return key;
}

/** All of it or nothing: a key that was cut by a crash would keep the gateway from starting. */
async function write(file: string, text: string, mode: number): Promise<void> {
  const half = await open(`${file}.new`, "w", mode);
  try {
    await half.writeFile(text);
    await half.sync();
  } finally {
    await half.close();
  }
  await rename(`${file}.new`, file);
}

function hostKeyOf(key: PrivateKey): HostKey {
  return {
    algorithms: signatureAlgorithms(key.publicKey.type),
    blob: key.publicKey.blob,
    sign: (algorithm, data) => key.sign(algorithm, data),
  };
}
