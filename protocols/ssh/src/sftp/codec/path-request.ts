import type { ByteReader } from "@gatehouse/wire";
import { readString, writeString } from "../../codec/strings.ts";
import { type Attributes, readAttributes, writeAttributes } from "./attributes.ts";
import { framed } from "./fields.ts";
import { packet } from "./numbers.ts";

/*
 * Requests that name files (draft-ietf-secsh-filexfer-02 sections 6.3 to 6.11), behind their ids:
 *
 *   3 SSH_FXP_OPEN       string path, uint32 flags, ATTRS
 *   7 SSH_FXP_LSTAT, 17 SSH_FXP_STAT, 11 SSH_FXP_OPENDIR, 13 SSH_FXP_REMOVE,
 *   15 SSH_FXP_RMDIR, 16 SSH_FXP_REALPATH, 19 SSH_FXP_READLINK
 *                        string path
 *   9 SSH_FXP_SETSTAT, 14 SSH_FXP_MKDIR
 *                        string path, ATTRS
 *   18 SSH_FXP_RENAME    string old path, string new path
 *   20 SSH_FXP_SYMLINK   string what it points to, string the link's path
 *
 * OpenSSH's server has SYMLINK's paths in this order, which is not that of the draft, and every client has followed
 * (OpenSSH's PROTOCOL, section 4.1).
 */

export type PathRequest =
  | { readonly type: "open"; readonly path: Buffer; readonly flags: number; readonly attributes: Attributes }
  | {
      readonly type: "lstat" | "stat" | "opendir" | "remove" | "rmdir" | "realpath" | "readlink";
      readonly path: Buffer;
    }
  | { readonly type: "setstat" | "mkdir"; readonly path: Buffer; readonly attributes: Attributes }
  | { readonly type: "rename"; readonly path: Buffer; readonly to: Buffer }
  | { readonly type: "symlink"; readonly path: Buffer; readonly pointsTo: Buffer };

/** The request behind its id; undefined where the type is another's. */
export function readPathRequest(type: number, reader: ByteReader): PathRequest | undefined {
  switch (type) {
    case packet.open:
      return {
        type: "open",
        path: readString(reader),
        flags: reader.uint32(),
        attributes: readAttributes(reader),
      };
    case packet.lstat:
      return { type: "lstat", path: readString(reader) };
    case packet.stat:
      return { type: "stat", path: readString(reader) };
    case packet.opendir:
      return { type: "opendir", path: readString(reader) };
    case packet.remove:
      return { type: "remove", path: readString(reader) };
    case packet.rmdir:
      return { type: "rmdir", path: readString(reader) };
    case packet.realpath:
      return { type: "realpath", path: readString(reader) };
    case packet.readlink:
      return { type: "readlink", path: readString(reader) };
    case packet.setstat:
      return { type: "setstat", path: readString(reader), attributes: readAttributes(reader) };
    case packet.mkdir:
      return { type: "mkdir", path: readString(reader), attributes: readAttributes(reader) };
    case packet.rename:
      return { type: "rename", path: readString(reader), to: readString(reader) };
    case packet.symlink:
      return { type: "symlink", pointsTo: readString(reader), path: readString(reader) };
    default:
      return undefined;
  }
}

export function encodePathRequest(id: number, request: PathRequest): Buffer {
  return framed(packet[request.type], id, (writer) => {
    switch (request.type) {
      case "open":
        writeString(writer, request.path).uint32(request.flags);
        writeAttributes(writer, request.attributes);
        break;
      case "setstat":
      case "mkdir":
        writeString(writer, request.path);
        writeAttributes(writer, request.attributes);
        break;
      case "rename":
        writeString(writeString(writer, request.path), request.to);
        break;
      case "symlink":
        writeString(writeString(writer, request.pointsTo), request.path);
        break;
      default:
        writeString(writer, request.path);
    }
  });
}
