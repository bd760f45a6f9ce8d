import { GatehouseError } from "@gatehouse/core";
import type { ByteReader, ByteWriter } from "@gatehouse/wire";
import { readString, writeString } from "../../codec/strings.ts";
import { readUint64, writeUint64 } from "./fields.ts";

/*
 * What a file has, or is to have (draft-ietf-secsh-filexfer-02 section 5):
 *
 *   uint32  flags
 *   uint64  size           with 0x00000001 SIZE
 *   uint32  uid, gid       with 0x00000002 UIDGID
 *   uint32  permissions    with 0x00000004 PERMISSIONS
 *   uint32  atime, mtime   with 0x00000008 ACMODTIME
 *   uint32  count          with 0x80000000 EXTENDED
 *     string  type, data   as often
 */

const SIZE = 0x1;
const OWNER = 0x2;
const PERMISSIONS = 0x4;
const TIMES = 0x8;
const EXTENDED = 0x8000_0000;
const KNOWN = SIZE | OWNER | PERMISSIONS | TIMES | EXTENDED;
/** Extended attributes of one file; OpenSSH's server gives none. */
const MAX_EXTENDED = 64;

export interface Attributes {
  readonly size?: bigint;
  readonly owner?: { readonly user: number; readonly group: number };
  /** Type and mode bits, as in `st_mode`. */
  readonly permissions?: number;
  /** Seconds since 1970. */
  readonly times?: { readonly accessed: number; readonly modified: number };
  readonly extended?: readonly (readonly [type: Buffer, data: Buffer])[];
}

/** @throws GatehouseError PROTOCOL_VIOLATION also for flags that version 3 does not have: where the next field begins is not known then */
export function readAttributes(reader: ByteReader): Attributes {
  const flags = reader.uint32();
  if ((flags & ~KNOWN) !== 0)
    throw new GatehouseError("PROTOCOL_VIOLATION", "unknown attribute flags in packet");
  return {
    ...(flags & SIZE ? { size: readUint64(reader) } : {}),
    ...(flags & OWNER ? { owner: { user: reader.uint32(), group: reader.uint32() } } : {}),
    ...(flags & PERMISSIONS ? { permissions: reader.uint32() } : {}),
    ...(flags & TIMES ? { times: { accessed: reader.uint32(), modified: reader.uint32() } } : {}),
    ...(flags & EXTENDED ? { extended: readExtended(reader) } : {}),
  };
}

function readExtended(reader: ByteReader): readonly (readonly [Buffer, Buffer])[] {
  const count = reader.uint32();
  if (count > MAX_EXTENDED) throw new GatehouseError("PROTOCOL_VIOLATION", "too many attributes in packet");
  return Array.from({ length: count }, () => [readString(reader), readString(reader)] as const);
}

export function writeAttributes(writer: ByteWriter, attributes: Attributes): void {
  const { size, owner, permissions, times, extended } = attributes;
  const flags =
    (size === undefined ? 0 : SIZE) |
    (owner ? OWNER : 0) |
    (permissions === undefined ? 0 : PERMISSIONS) |
    (times ? TIMES : 0) |
    (extended ? EXTENDED : 0);
  writer.uint32(flags >>> 0);
  if (size !== undefined) writeUint64(writer, size);
  if (owner) writer.uint32(owner.user).uint32(owner.group);
  if (permissions !== undefined) writer.uint32(permissions);
  if (times) writer.uint32(times.accessed).uint32(times.modified);
  if (!extended) return;
  writer.uint32(extended.length);
  for (const [type, data] of extended) writeString(writeString(writer, type), data);
}
