import { randomBytes } from "node:crypto";
import { link, mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { GatehouseError, messageOf, Secret } from "@gatehouse/core";
import { type Authority, loadAuthority } from "./authority.ts";
import { quoted } from "./names.ts";
import type { PairNames, PemPair } from "./pair.ts";
import { readPem } from "./pem.ts";

const AUTHORITY = "ca";
export const PUBLIC_MODE = 0o644;
export const PRIVATE_MODE = 0o600;

/**
 * Where a folder keeps the pair of that name: `NAME.crt` and `NAME.key`.
 * @throws GatehouseError CERTIFICATE_INVALID when the name can't be a file's, or is the authority's own
 */
export function pairFiles(dir: string, name: string): PairNames {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name) || name.toLowerCase() === AUTHORITY) {
    throw new GatehouseError(
      "CERTIFICATE_INVALID",
      `${quoted(name)} can't be the name of a certificate's files; nothing was written.`,
      { hint: `Use letters, digits, dots, hyphens and underscores, and another name than ${AUTHORITY}.` },
    );
  }
  return filesOf(dir, name);
}

/**
 * Writes an authority's `ca.crt` and `ca.key` into a folder, which is made with mode 0700 if it is missing.
 * @throws GatehouseError CERTIFICATE_INVALID when one of them is there already, or can't be written
 */
export async function writeAuthority(dir: string, authority: PemPair): Promise<PairNames> {
  const files = filesOf(dir, AUTHORITY);
  try {
    await makeFolder(dir);
    await writeWhole(files.key, authority.key.reveal(), PRIVATE_MODE, keep);
    try {
      await writeWhole(files.cert, authority.certificatePem, PUBLIC_MODE, keep);
    } catch (thrown) {
      // The key that was just put there would stand beside the certificate of another one.
      await rm(files.key, { force: true });
      throw thrown;
    }
  } catch (cause) {
    throw notWritten(files, cause, "An authority is never overwritten: choose another folder for a new one.");
  }
  return files;
}

/**
 * Writes `NAME.crt` (mode 0644) and `NAME.key` (mode 0600) into a folder, which is made with mode 0700 if it
 * is missing. Each file is replaced whole, the key first: who reads between the two finds a pair that does
 * not belong together, never half a file.
 * @throws GatehouseError CERTIFICATE_INVALID
 */
export async function writePair(dir: string, name: string, pair: PemPair): Promise<PairNames> {
  const files = pairFiles(dir, name);
  try {
    await makeFolder(dir);
    await writeWhole(files.key, pair.key.reveal(), PRIVATE_MODE, rename);
    await writeWhole(files.cert, pair.certificatePem, PUBLIC_MODE, rename);
  } catch (cause) {
    throw notWritten(files, cause, "Check that this user may write to the folder, and run it again.");
  }
  return files;
}

/**
 * Takes up the authority that `writeAuthority` left in a folder.
 * @throws GatehouseError CERTIFICATE_INVALID
 */
export async function readAuthority(dir: string): Promise<Authority> {
  const files = filesOf(dir, AUTHORITY);
  return loadAuthority(await readPair(files), files);
}

/**
 * Reads both files of a pair, without a look at what is in them.
 * @throws GatehouseError CERTIFICATE_INVALID
 */
export async function readPair(files: PairNames): Promise<PemPair> {
  return { certificatePem: await readPem(files.cert), key: new Secret(await readPem(files.key)) };
}

function filesOf(dir: string, name: string): PairNames {
  return { cert: join(dir, `${name}.crt`), key: join(dir, `${name}.key`) };
}

export async function makeFolder(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
}

function notWritten(files: PairNames, cause: unknown, hint: string): GatehouseError {
  return new GatehouseError(
    "CERTIFICATE_INVALID",
    `${files.cert} and ${files.key} were not both written: ${messageOf(cause)}.`,
    { hint, cause },
  );
}

/** Gives a finished temporary file its name. */
type Place = (temporary: string, path: string) => Promise<void>;

/** Unlike a rename, a link fails where the name is taken. */
export const keep: Place = async (temporary, path) => {
  try {
    await link(temporary, path);
  } catch (thrown) {
    const taken = thrown instanceof Error && "code" in thrown && thrown.code === "EEXIST";
    throw taken ? new Error(`${path} is there already`) : thrown;
  }
  await rm(temporary);
};

export async function writeWhole(path: string, text: string, mode: number, place: Place): Promise<void> {
  const temporary = `${path}.${randomBytes(8).toString("hex")}.tmp`;
  // "wx" is O_EXCL: the file is new, so its mode holds from its first byte.
  const file = await open(temporary, "wx", mode);
  try {
    try {
      // The process's umask may have taken more away than is meant.
      await file.chmod(mode);
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await place(temporary, path);
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw thrown;
  }
}
