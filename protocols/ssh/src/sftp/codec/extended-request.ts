import { GatehouseError } from "@gatehouse/core";
import type { ByteReader } from "@gatehouse/wire";
import { readString, writeString } from "../../codec/strings.ts";
import { type Attributes, readAttributes, writeAttributes } from "./attributes.ts";
import { framed, readHandle, readOffset, readUint64, writeOffset, writeUint64 } from "./fields.ts";
import { packet } from "./numbers.ts";

/*
 * Extensions (draft-ietf-secsh-filexfer-02 section 8; OpenSSH's PROTOCOL, section 4; draft-ietf-secsh-filexfer-extensions-00
 * for copy-data and home-directory):
 *
 *   byte    200 SSH_FXP_EXTENDED
 *   uint32  id
 *   string  name
 *   ....    posix-rename@openssh.com   string old path, string new path
 *           hardlink@openssh.com       string old path, string new path
 *           statvfs@openssh.com        string path
 *           fstatvfs@openssh.com       string handle
 *           fsync@openssh.com          string handle
 *           lsetstat@openssh.com       string path, ATTRS
 *           limits@openssh.com
 *           expand-path@openssh.com    string path
 *           copy-data                  string handle read from, uint64 offset, uint64 length, string handle
 *                                      written to, uint64 offset
 *           home-directory             string user name
 *           users-groups-by-id@openssh.com
 *                                      string of uint32 users, string of uint32 groups
 */

export type ExtendedRequest =
  | { readonly type: "posix-rename" | "hardlink"; readonly path: Buffer; readonly to: Buffer }
  | { readonly type: "statvfs"; readonly path: Buffer }
  | { readonly type: "expand-path"; readonly path: Buffer }
  | { readonly type: "lsetstat"; readonly path: Buffer; readonly attributes: Attributes }
  | { readonly type: "fstatvfs" | "fsync"; readonly handle: string }
  | { readonly type: "limits" }
  | {
      readonly type: "copy-data";
      readonly handle: string;
      readonly offset: number;
      /** 0 is all that there is. */
      readonly length: bigint;
      readonly to: string;
      readonly toOffset: number;
    }
  | { readonly type: "home-directory"; readonly user: Buffer }
  | { readonly type: "users-groups-by-id"; readonly users: Buffer; readonly groups: Buffer };

/** The names and versions that are known; others are taken out of what the target offers. */
export const extensions: Readonly<
  Record<ExtendedRequest["type"], { readonly name: string; readonly version: string }>
> = {
  "posix-rename": { name: "posix-rename@openssh.com", version: "1" },
  hardlink: { name: "hardlink@openssh.com", version: "1" },
  statvfs: { name: "statvfs@openssh.com", version: "2" },
  fstatvfs: { name: "fstatvfs@openssh.com", version: "2" },
  fsync: { name: "fsync@openssh.com", version: "1" },
  lsetstat: { name: "lsetstat@openssh.com", version: "1" },
  limits: { name: "limits@openssh.com", version: "1" },
  "expand-path": { name: "expand-path@openssh.com", version: "1" },
  "copy-data": { name: "copy-data", version: "1" },
  "home-directory": { name: "home-directory", version: "1" },
  "users-groups-by-id": { name: "users-groups-by-id@openssh.com", version: "1" },
};

/** The request behind its name; undefined where the name is not known. */
export function readExtendedRequest(name: string, reader: ByteReader): ExtendedRequest | undefined {
  switch (name) {
    case extensions["posix-rename"].name:
      return { type: "posix-rename", path: readString(reader), to: readString(reader) };
    case extensions.hardlink.name:
      return { type: "hardlink", path: readString(reader), to: readString(reader) };
    case extensions.statvfs.name:
      return { type: "statvfs", path: readString(reader) };
    case extensions["expand-path"].name:
      return { type: "expand-path", path: readString(reader) };
    case extensions.lsetstat.name:
      return { type: "lsetstat", path: readString(reader), attributes: readAttributes(reader) };
    case extensions.fstatvfs.name:
      return { type: "fstatvfs", handle: readHandle(reader) };
    case extensions.fsync.name:
      return { type: "fsync", handle: readHandle(reader) };
    case extensions.limits.name:
      return { type: "limits" };
    case extensions["copy-data"].name:
      return {
        type: "copy-data",
        handle: readHandle(reader),
        offset: readOffset(reader),
        length: readUint64(reader),
        to: readHandle(reader),
        toOffset: readOffset(reader),
      };
    case extensions["home-directory"].name:
      return { type: "home-directory", user: readString(reader) };
    case extensions["users-groups-by-id"].name:
      return { type: "users-groups-by-id", users: readNumbers(reader), groups: readNumbers(reader) };
    default:
      return undefined;
  }
}

function readNumbers(reader: ByteReader): Buffer {
  const bytes = readString(reader);
  if (bytes.length % 4 !== 0) throw new GatehouseError("PROTOCOL_VIOLATION", "invalid list of ids in packet");
  return bytes;
}

export function encodeExtendedRequest(id: number, request: ExtendedRequest): Buffer {
  return framed(packet.extended, id, (writer) => {
    writeString(writer, extensions[request.type].name);
    switch (request.type) {
      case "posix-rename":
      case "hardlink":
        writeString(writeString(writer, request.path), request.to);
        break;
      case "statvfs":
      case "expand-path":
        writeString(writer, request.path);
        break;
      case "lsetstat":
        writeString(writer, request.path);
        writeAttributes(writer, request.attributes);
        break;
      case "fstatvfs":
      case "fsync":
        writeString(writer, Buffer.from(request.handle, "latin1"));
        break;
      case "copy-data":
        writeOffset(writeString(writer, Buffer.from(request.handle, "latin1")), request.offset);
        writeUint64(writer, request.length);
        writeOffset(writeString(writer, Buffer.from(request.to, "latin1")), request.toOffset);
        break;
      case "home-directory":
        writeString(writer, request.user);
        break;
      case "users-groups-by-id":
        writeString(writeString(writer, request.users), request.groups);
        break;
      case "limits":
        break;
    }
  });
}
