import { constants } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, rm, rmdir, stat } from "node:fs/promises";
import { join, posix } from "node:path";
import ssh2, { type Attributes, type SFTPWrapper } from "ssh2";

const { STATUS_CODE, flagsToString } = ssh2.utils.sftp;

/** An open file, or a folder whose list has been given or not. */
type Open = { readonly file: FileHandle } | { readonly path: string; listed: boolean };

/** Serves one folder's files over SFTP, as `/`. */
export function serveFolder(sftp: SFTPWrapper, root: string): void {
  const folder = new Folder(sftp, root);
  /** Answers with what `act` says; where it says nothing, with OK, and where it throws, with what failed. */
  const answering =
    <T extends unknown[]>(act: (id: number, ...args: T) => Promise<unknown>) =>
    (id: number, ...args: T) => {
      act(id, ...args).then(
        (said) => {
          if (said === undefined) sftp.status(id, STATUS_CODE.OK);
        },
        (error: unknown) => {
          const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
          sftp.status(id, missing ? STATUS_CODE.NO_SUCH_FILE : STATUS_CODE.FAILURE);
        },
      );
    };
  sftp.on(
    "OPEN",
    answering((id, path: string, flags: number) => folder.open(id, path, flags)),
  );
  sftp.on(
    "READ",
    answering((id, handle: Buffer, at: number, size: number) => folder.read(id, handle, at, size)),
  );
  sftp.on(
    "WRITE",
    answering((_, handle: Buffer, at: number, data: Buffer) => folder.write(handle, at, data)),
  );
  sftp.on(
    "CLOSE",
    answering((_, handle: Buffer) => folder.close(handle)),
  );
  sftp.on(
    "OPENDIR",
    answering((id, path: string) => folder.openFolder(id, path)),
  );
  sftp.on(
    "READDIR",
    answering((id, handle: Buffer) => folder.list(id, handle)),
  );
  sftp.on(
    "STAT",
    answering((id, path: string) => folder.stat(id, path)),
  );
  sftp.on(
    "LSTAT",
    answering((id, path: string) => folder.stat(id, path)),
  );
  sftp.on(
    "FSTAT",
    answering((id, handle: Buffer) => folder.statOpen(id, handle)),
  );
  sftp.on(
    "SETSTAT",
    answering((_, path: string) => folder.exists(path)),
  );
  sftp.on(
    "FSETSTAT",
    answering(() => Promise.resolve(undefined)),
  );
  sftp.on(
    "REALPATH",
    answering((id, path: string) => folder.realPath(id, path)),
  );
  sftp.on(
    "REMOVE",
    answering((_, path: string) => rm(folder.at(path))),
  );
  sftp.on(
    "RENAME",
    answering((_, from: string, to: string) => rename(folder.at(from), folder.at(to))),
  );
  sftp.on(
    "MKDIR",
    answering((_, path: string) => mkdir(folder.at(path)).then(() => undefined)),
  );
  sftp.on(
    "RMDIR",
    answering((_, path: string) => rmdir(folder.at(path))),
  );
  // A client that sends no more has no more to ask.
  sftp.on("end", () => sftp.end());
  sftp.on("close", () => folder.closeAll());
}

/** What has been answered is given back, so that nobody answers twice. */
const ANSWERED = Symbol("answered");
type Answered = typeof ANSWERED;

class Folder {
  readonly #sftp: SFTPWrapper;
  readonly #root: string;
  readonly #open = new Map<number, Open>();
  #next = 0;

  constructor(sftp: SFTPWrapper, root: string) {
    this.#sftp = sftp;
    this.#root = root;
  }

  at(path: string): string {
    return join(this.#root, posix.normalize(posix.join("/", path)));
  }

  async open(id: number, path: string, flags: number): Promise<Answered> {
    const file = await open(this.at(path), flagsToString(flags) ?? constants.O_RDONLY);
    return this.#keep(id, { file });
  }

  async read(id: number, handle: Buffer, offset: number, length: number): Promise<Answered> {
    const { bytesRead, buffer } = await this.#file(handle).read(Buffer.alloc(length), 0, length, offset);
    if (bytesRead === 0) this.#sftp.status(id, STATUS_CODE.EOF);
    else this.#sftp.data(id, buffer.subarray(0, bytesRead));
    return ANSWERED;
  }

  async write(handle: Buffer, offset: number, data: Buffer): Promise<undefined> {
    await this.#file(handle).write(data, 0, data.length, offset);
  }

  async close(handle: Buffer): Promise<undefined> {
    const known = this.#opened(handle);
    if ("file" in known) await known.file.close();
    this.#open.delete(handle.readUInt32BE(0));
  }

  async openFolder(id: number, path: string): Promise<Answered> {
    await readdir(this.at(path));
    return this.#keep(id, { path, listed: false });
  }

  async list(id: number, handle: Buffer): Promise<Answered> {
    const known = this.#opened(handle);
    if ("file" in known) throw new Error("not a folder");
    if (known.listed) {
      this.#sftp.status(id, STATUS_CODE.EOF);
      return ANSWERED;
    }
    known.listed = true;
    const place = this.at(known.path);
    const entries = (await readdir(place)).map(async (filename) => {
      return { filename, longname: filename, attrs: await attributes(join(place, filename)) };
    });
    this.#sftp.name(id, await Promise.all(entries));
    return ANSWERED;
  }

  async stat(id: number, path: string): Promise<Answered> {
    this.#sftp.attrs(id, await attributes(this.at(path)));
    return ANSWERED;
  }

  async statOpen(id: number, handle: Buffer): Promise<Answered> {
    this.#sftp.attrs(id, shown(await this.#file(handle).stat()));
    return ANSWERED;
  }

  async exists(path: string): Promise<undefined> {
    await stat(this.at(path));
  }

  realPath(id: number, path: string): Promise<Answered> {
    const filename = posix.normalize(posix.join("/", path)).replace(/(.)\/$/, "$1");
    this.#sftp.name(id, [{ filename, longname: filename, attrs: NO_ATTRIBUTES }]);
    return Promise.resolve(ANSWERED);
  }

  closeAll(): void {
    for (const known of this.#open.values()) if ("file" in known) void known.file.close();
  }

  #keep(id: number, opened: Open): Answered {
    const handle = Buffer.alloc(4);
    handle.writeUInt32BE(this.#next);
    this.#open.set(this.#next++, opened);
    this.#sftp.handle(id, handle);
    return ANSWERED;
  }

  #opened(handle: Buffer): Open {
    const known = handle.length === 4 ? this.#open.get(handle.readUInt32BE(0)) : undefined;
    if (known) return known;
    throw new Error("no such handle");
  }

  #file(handle: Buffer): FileHandle {
    const known = this.#opened(handle);
    if ("file" in known) return known.file;
    throw new Error("not a file");
  }
}

const NO_ATTRIBUTES: Attributes = { mode: 0, uid: 0, gid: 0, size: 0, atime: 0, mtime: 0 };

async function attributes(path: string): Promise<Attributes> {
  return shown(await stat(path));
}

function shown({ mode, uid, gid, size, atimeMs, mtimeMs }: Awaited<ReturnType<typeof stat>>): Attributes {
  const seconds = (milliseconds: number | bigint) => Math.floor(Number(milliseconds) / 1000);
  return {
    ...{ mode: Number(mode), uid: Number(uid), gid: Number(gid), size: Number(size) },
    ...{ atime: seconds(atimeMs), mtime: seconds(mtimeMs) },
  };
}
