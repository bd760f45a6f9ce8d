/** The files of an SSH key: the private one, and beside it `.pub` and `-cert.pub`. */
import { randomUUID } from "node:crypto";
import { chmod, open, readFile, rename, rm } from "node:fs/promises";
import { generatePrivateKey, type PrivateKey, readPrivateKey, writePrivateKey } from "@gatehouse/openssh";

/** Where ssh looks for the certificate of a key, by the path of its private or its public half. */
export function certificateFile(key: string): string {
  return `${key.replace(/\.pub$/, "")}-cert.pub`;
}

/**
 * The key in a file, made where there is none. One that is there is used again: no file with a key is ever written over.
 * @throws GatehouseError KEY_INVALID for what is there and is no key, or is encrypted
 */
export async function keyInFile(path: string): Promise<{ readonly key: PrivateKey; readonly made: boolean }> {
  try {
    return { key: readPrivateKey(await readFile(path, "utf8")), made: false };
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  const key = generatePrivateKey("ssh-ed25519");
  const text = writePrivateKey(key, "gatehouse");
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(text.reveal());
  } finally {
    text.wipe();
    await file.close();
  }
  await replace(`${path}.pub`, `${key.publicKey.toString()} gatehouse\n`, 0o644);
  return { key, made: true };
}

/** Writes a file anew, so that whoever reads it meanwhile reads the old one or the new one. */
export async function replace(path: string, text: string, mode = 0o600): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  try {
    const file = await open(draft, "wx", mode);
    try {
      await file.writeFile(text);
    } finally {
      await file.close();
    }
    await chmod(draft, mode);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
