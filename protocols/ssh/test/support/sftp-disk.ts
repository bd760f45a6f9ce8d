import {
  closeSync,
  fstatSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  realpathSync,
  renameSync,
  rmdirSync,
  type Stats,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { constants } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { Attributes } from "../../src/sftp/codec/attributes.ts";
import { extensions } from "../../src/sftp/codec/extended-request.ts";
import { decodeWrite, WRITE_HEAD } from "../../src/sftp/codec/handle-request.ts";
import { encodeVersion } from "../../src/sftp/codec/initialization.ts";
import { openFlag, packet, status } from "../../src/sftp/codec/numbers.ts";
import { decodeRequest, type Request } from "../../src/sftp/codec/request.ts";
import {
  dataHeader,
  encodeAttributes,
  encodeHandle,
  encodeNames,
  encodeStatus,
} from "../../src/sftp/codec/response.ts";
import { bodyOf, PacketStream, withHead } from "../../src/sftp/framing.ts";

/*
 * A server of SFTP over the disk of this machine, as far as the tests need one: version 3 with OpenSSH's extensions
 * posix-rename, hardlink and copy-data. Paths are those of the machine, with its own links and its kernel's way with them.
 */

export class DiskServer {
  readonly #home: string;
  readonly #reply: (bytes: readonly Buffer[]) => void;
  readonly #packets = new PacketStream();
  readonly #open = new Map<string, number | readonly string[]>();
  #handles = 0;
  /** What was asked of it, in order, but for looks (REALPATH, LSTAT). */
  readonly asked: (Request["type"] | "write")[] = [];
  /** Paths for which REALPATH fails though they lead somewhere. */
  readonly blind = new Set<string>();

  constructor(home: string, reply: (bytes: readonly Buffer[]) => void) {
    this.#home = home;
    this.#reply = reply;
  }

  take(chunk: Buffer): void {
    this.#packets.push(chunk);
    for (let next = this.#packets.next(); next; next = this.#packets.next()) {
      if (next.type === packet.init) {
        const known = ["posix-rename", "hardlink", "copy-data"] as const;
        const offered = known.map((type) => ({
          name: extensions[type].name,
          data: extensions[type].version,
        }));
        offered.push(
          { name: "secret-door@example.com", data: "1" },
          { name: extensions.fsync.name, data: "99" },
        );
        this.#reply([encodeVersion({ version: 3, extensions: offered })]);
      } else if (next.type === packet.write) {
        const { id, handle, offset, data } = decodeWrite(withHead(next.parts, WRITE_HEAD));
        this.asked.push("write");
        this.#run(id, () => writeSync(this.#file(handle), Buffer.concat(data), 0, undefined, offset));
      } else {
        const { id, request } = decodeRequest(bodyOf(next));
        if (request) this.#request(id, request);
      }
    }
  }

  #run(id: number, work: () => unknown): void {
    try {
      const answer = work();
      this.#reply([Buffer.isBuffer(answer) ? answer : encodeStatus(id, status.ok, "")]);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : "";
      const missing = code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP";
      this.#reply([
        encodeStatus(
          id,
          code === "EOF" ? status.eof : missing ? status.noSuchFile : status.failure,
          String(code),
        ),
      ]);
    }
  }

  #request(id: number, request: Request): void {
    if (request.type !== "realpath" && request.type !== "lstat") this.asked.push(request.type);
    this.#run(id, () => this.#act(id, request));
  }

  #act(id: number, request: Request): Buffer | undefined {
    switch (request.type) {
      case "open":
        return encodeHandle(id, this.#keep(openSync(text(request.path), kernelFlags(request.flags), 0o644)));
      case "opendir":
        return encodeHandle(id, this.#keep(readdirSync(text(request.path))));
      case "readdir": {
        const names = this.#open.get(request.handle);
        if (!Array.isArray(names) || names.length === 0) throw Object.assign(new Error(), { code: "EOF" });
        this.#open.set(request.handle, []);
        return encodeNames(
          id,
          names.map((name) => Buffer.from(String(name))),
        );
      }
      case "read": {
        const data = Buffer.alloc(request.length);
        const read = readSync(this.#file(request.handle), data, 0, request.length, request.offset);
        if (read === 0) throw Object.assign(new Error(), { code: "EOF" });
        return Buffer.concat([dataHeader(id, read), data.subarray(0, read)]);
      }
      case "close": {
        const open = this.#open.get(request.handle);
        this.#open.delete(request.handle);
        if (typeof open === "number") closeSync(open);
        return undefined;
      }
      case "stat":
        return encodeAttributes(id, attributesOf(statSync(text(request.path))));
      case "lstat":
        return encodeAttributes(id, attributesOf(lstatSync(text(request.path))));
      case "fstat":
        return encodeAttributes(id, attributesOf(fstatSync(this.#file(request.handle))));
      case "realpath":
        return encodeNames(id, [Buffer.from(this.#real(text(request.path)))]);
      case "readlink":
        return encodeNames(id, [Buffer.from(readlinkSync(text(request.path)))]);
      case "remove":
        unlinkSync(text(request.path));
        return undefined;
      case "mkdir":
        mkdirSync(text(request.path));
        return undefined;
      case "rmdir":
        rmdirSync(text(request.path));
        return undefined;
      case "rename":
      case "posix-rename":
        renameSync(text(request.path), text(request.to));
        return undefined;
      case "hardlink":
        linkSync(text(request.path), text(request.to));
        return undefined;
      case "symlink":
        symlinkSync(text(request.pointsTo), text(request.path));
        return undefined;
      case "setstat":
        truncateSync(text(request.path), Number(request.attributes.size ?? 0n));
        return undefined;
      case "fsetstat":
        ftruncateSync(this.#file(request.handle), Number(request.attributes.size ?? 0n));
        return undefined;
      case "copy-data": {
        const data = Buffer.alloc(1024);
        const read = readSync(this.#file(request.handle), data, 0, data.length, request.offset);
        writeSync(this.#file(request.to), data, 0, read, request.toOffset);
        return undefined;
      }
      default:
        throw new Error("not served");
    }
  }

  #real(path: string): string {
    if (this.blind.has(path)) throw Object.assign(new Error(), { code: "ELOOP" });
    const whole = path === "." ? this.#home : path;
    try {
      return realpathSync.native(whole);
    } catch (error) {
      // As OpenSSH's server does: the last part need not be there.
      const there = lstatSync(whole, { throwIfNoEntry: false });
      if (there?.isSymbolicLink()) return this.#real(resolve(dirname(whole), readlinkSync(whole)));
      if (there) throw error;
      return join(realpathSync.native(dirname(whole)), basename(whole));
    }
  }

  #keep(open: number | readonly string[]): string {
    const handle = `h${String(this.#handles++)}`;
    this.#open.set(handle, open);
    return handle;
  }

  #file(handle: string): number {
    const open = this.#open.get(handle);
    if (typeof open !== "number") throw new Error("no such handle");
    return open;
  }
}

function text(path: Buffer): string {
  return path.toString("utf8");
}

function attributesOf({ size, mode }: Stats): Attributes {
  return { size: BigInt(size), permissions: mode };
}

function kernelFlags(flags: number): number {
  const access =
    flags & openFlag.write
      ? flags & openFlag.read
        ? constants.O_RDWR
        : constants.O_WRONLY
      : constants.O_RDONLY;
  return (
    access |
    (flags & openFlag.create ? constants.O_CREAT : 0) |
    (flags & openFlag.truncate ? constants.O_TRUNC : 0) |
    (flags & openFlag.append ? constants.O_APPEND : 0) |
    (flags & openFlag.exclusive ? constants.O_EXCL : 0)
  );
}
