import { createHash } from "node:crypto";

/** What a canary is a value of. */
export type Kind =
  | "text"
  | "integer"
  | "bigint"
  | "numeric"
  | "double"
  | "date"
  | "timestamp"
  | "uuid"
  | "bytes"
  | "address";

/** A canary as the server could write it. Strings are bytes, one a character. */
interface Form {
  readonly bytes: string;
  /** So many bytes of it that follow each other are enough to know it by; without it, only all of them are. */
  readonly piece?: number;
  /** Letters of either case. */
  readonly anyCase?: boolean;
}

/** What is enough of a text, of hexadecimal digits, and of base64: less could come about by itself. */
const TEXT_PIECE = 6;
const HEX_PIECE = 12;
const BASE64_PIECE = 8;
const DIGITS_PIECE = 7;

/** Days and microseconds in PostgreSQL are counted from 2000-01-01. */
const EPOCH = Date.UTC(2000, 0, 1);
const DAY = 86_400_000;

/** All forms of one value that a statement could give it: as it is, in binary format, and as its encodings. */
export function formsOf(kind: Kind, value: string): readonly Form[] {
  switch (kind) {
    case "text":
      return [
        ...pieces(value),
        ...pieces(Array.from(value).reverse().join("")),
        ...encodings(Buffer.from(value)),
        ...digests(Buffer.from(value)),
      ];
    case "integer":
      return [...numbers(value), whole(int(Number(value)))];
    case "bigint": {
      const binary = Buffer.alloc(8);
      binary.writeBigInt64BE(BigInt(value));
      return [...numbers(value), whole(binary)];
    }
    case "numeric":
      return [...numbers(value), { bytes: base10000(value).toString("latin1"), piece: 5 }];
    case "double": {
      const binary = Buffer.alloc(8);
      binary.writeDoubleBE(Number(value));
      return [...numbers(value), whole(binary)];
    }
    case "date":
      return dates(value);
    case "timestamp":
      return timestamps(value);
    case "uuid": {
      const digits = value.replaceAll("-", "");
      return [
        { bytes: value, piece: HEX_PIECE, anyCase: true },
        ...encodings(Buffer.from(digits, "hex")),
        whole(Buffer.from(digits, "hex")),
      ];
    }
    case "bytes": {
      const bytes = Buffer.from(value, "hex");
      return [
        { bytes: bytes.toString("latin1"), piece: 5 },
        { bytes: escaped(bytes), piece: HEX_PIECE },
        ...encodings(bytes),
        ...digests(bytes),
      ];
    }
    case "address":
      return [{ bytes: value }, whole(Buffer.from(value.split(".").map(Number)))];
  }
}

function pieces(text: string): Form[] {
  return [{ bytes: text, piece: TEXT_PIECE, anyCase: true }];
}

function whole(bytes: Buffer): Form {
  return { bytes: bytes.toString("latin1") };
}

/** In base64 it depends on what stands before. */
function encodings(bytes: Buffer): Form[] {
  const base64 = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64");
    return { bytes: text.slice(before === 0 ? 0 : 4).replace(/.?=*$/, ""), piece: BASE64_PIECE };
  });
  return [{ bytes: bytes.toString("hex"), piece: HEX_PIECE, anyCase: true }, ...base64];
}

/** PostgreSQL documentation, "bytea Escape Format". */
function escaped(bytes: Buffer): string {
  return [...bytes]
    .map((byte) =>
      byte > 31 && byte < 127 ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, "0")}`,
    )
    .join("");
}

function digests(bytes: Buffer): Form[] {
  return ["md5", "sha1", "sha256", "sha512"].flatMap((name) => {
    const digest = createHash(name).update(bytes).digest();
    return [{ bytes: digest.toString("hex"), piece: HEX_PIECE, anyCase: true }, whole(digest)];
  });
}

/** Digits, also without the point, in groups, in hexadecimal, from behind, and divided by some power of ten. */
function numbers(value: string): Form[] {
  const [before = "", after = ""] = value.split(".");
  const digits = (bytes: string): Form => ({ bytes, piece: DIGITS_PIECE });
  return [
    digits(before + after),
    digits(
      Array.from(before + after)
        .reverse()
        .join(""),
    ),
    { bytes: before },
    { bytes: before.replace(/(?<=\d)(?=(?:\d{3})+$)/g, ",") },
    { bytes: BigInt(before).toString(16), anyCase: true },
  ];
}

function int(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** numeric's binary format has digits of base 10000, counted from the point. */
function base10000(value: string): Buffer {
  const [before = "", after = ""] = value.split(".");
  const padded =
    before.padStart(Math.ceil(before.length / 4) * 4, "0") +
    after.padEnd(Math.ceil(after.length / 4) * 4, "0");
  const digits = padded.match(/\d{4}/g) ?? [];
  return Buffer.concat(
    digits.map((group) => {
      const bytes = Buffer.alloc(2);
      bytes.writeInt16BE(Number(group));
      return bytes;
    }),
  );
}

function dates(value: string): Form[] {
  const [year = "", month = "", day = ""] = value.split("-");
  const days = (Date.parse(`${value}T00:00:00Z`) - EPOCH) / DAY;
  const written = [
    value,
    year + month + day,
    `${month}/${day}/${year}`,
    `${month}-${day}-${year}`,
    `${day}.${month}.${year}`,
  ];
  return [...written.map((bytes) => ({ bytes })), whole(int(days))];
}

/** A time zone changes the hours, and no zone changes the fraction. */
function timestamps(value: string): Form[] {
  const fraction = /\.(\d{6})/.exec(value)?.[1] ?? "";
  const micros = BigInt(Math.floor(Date.parse(value) / 1000)) * 1_000_000n + BigInt(fraction);
  const seconds = (Number(micros < 0n ? -micros : micros) / 1_000_000).toFixed(6);
  const binary = Buffer.alloc(8);
  binary.writeBigInt64BE(micros - BigInt(EPOCH) * 1000n);
  return [
    { bytes: value.slice(0, 10) },
    { bytes: fraction },
    ...numbers(seconds),
    { bytes: base10000(seconds).toString("latin1"), piece: 5 },
    whole(binary),
  ];
}
