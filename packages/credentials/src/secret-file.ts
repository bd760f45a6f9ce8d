import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { GatehouseError, type Secret } from "@gatehouse/core";
import { MAX_SECRET_BYTES, secretOf } from "./secret-bytes.ts";

/** What a file holds: errors say so. */
type Held = "secret" | "certificate" | "private key";

/**
 * The content of a credential's file, UTF-8, without the one newline that editors leave at its end.
 * @throws GatehouseError SECRET_UNAVAILABLE where the file can't be read, is no regular file, is empty, is
 * larger than 64 KiB or is not text.
 */
export async function readSecretFile(path: string, held: Held = "secret"): Promise<Secret> {
  const file = { path, held };
  const handle = await openSecret(file);
  const buffer = Buffer.alloc(MAX_SECRET_BYTES + 1);
  try {
    const size = await fill(handle, buffer, file);
    return secretOf(buffer.subarray(0, size), (what) => unavailable(file, what));
  } finally {
    buffer.fill(0);
    await handle.close();
  }
}

interface SecretFile {
  readonly path: string;
  readonly held: Held;
}

async function openSecret(file: SecretFile): Promise<FileHandle> {
  try {
    // Without O_NONBLOCK, opening a pipe that nobody writes to would never return.
    return await open(file.path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

/** Reads to the end, or until the buffer is full. The size is counted, since a file may grow while it is read. */
async function fill(handle: FileHandle, buffer: Buffer, file: SecretFile): Promise<number> {
  let size = 0;
  try {
    if (!(await handle.stat()).isFile()) throw unavailable(file, "is not a regular file");
    while (size < buffer.length) {
      const { bytesRead } = await handle.read(buffer, size, buffer.length - size);
      if (bytesRead === 0) break;
      size += bytesRead;
    }
  } catch (cause) {
    throw cause instanceof GatehouseError ? cause : unreadable(file, cause);
  }
  return size;
}

function unreadable(file: SecretFile, cause: unknown): GatehouseError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
  return unavailable(file, code === "ENOENT" ? "does not exist" : `can't be read (${code})`, cause);
}

function unavailable({ path, held }: SecretFile, what: string, cause?: unknown): GatehouseError {
  return new GatehouseError(
    "SECRET_UNAVAILABLE",
    `The ${held}'s file ${path} ${what}; the credential that needs it was not used.`,
    { hint: `Put the ${held} into ${path}, readable by the gateway's user.`, cause },
  );
}
