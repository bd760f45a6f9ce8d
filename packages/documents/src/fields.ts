import { resolve } from "node:path";
import type { Address, TcpAddress, UnixAddress } from "@gatehouse/core";
import { z } from "zod";

/** A string with a form of its own: read by `parse`, which answers undefined to what does not fit. */
function form<T>(expected: string, pattern: RegExp, parse: (text: string) => T | undefined) {
  return z
    .string()
    .meta({ pattern: pattern.source, description: expected })
    .transform((text, context) => {
      const value = pattern.test(text) ? parse(text) : undefined;
      if (value !== undefined) return value;
      context.addIssue({ code: "custom", message: `expected ${expected}, found ${JSON.stringify(text)}` });
      return z.NEVER;
    });
}

const MILLISECONDS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `500ms`, `30s`, `15m`, `8h`, `7d` -> milliseconds, within bounds given in milliseconds. */
export function duration(bounds: { min: number; max: number }) {
  return form(durationWithin(bounds), /^[0-9]{1,9}(ms|s|m|h|d)$/, (text) => parseDuration(text, bounds));
}

/** The same, or `off` -> Infinity: what it bounds has no end of its own. */
export function durationOrOff(bounds: { min: number; max: number }) {
  return form(`off, or ${durationWithin(bounds)}`, /^(off|[0-9]{1,9}(ms|s|m|h|d))$/, (text) =>
    text === "off" ? Number.POSITIVE_INFINITY : parseDuration(text, bounds),
  );
}

function durationWithin({ min, max }: { min: number; max: number }): string {
  return `a time from ${formatDuration(min)} to ${formatDuration(max)}, such as 30s or 15m`;
}

function parseDuration(text: string, bounds: { min: number; max: number }): number | undefined {
  const unit = text.replace(/^[0-9]+/, "");
  const value = Number.parseInt(text, 10) * (MILLISECONDS[unit] ?? Number.NaN);
  return value >= bounds.min && value <= bounds.max ? value : undefined;
}

/** The shortest way to write a time that `duration` reads. */
export function formatDuration(milliseconds: number): string {
  for (const [unit, size] of Object.entries(MILLISECONDS).reverse()) {
    if (milliseconds >= size && milliseconds % size === 0) return `${milliseconds / size}${unit}`;
  }
  return `${milliseconds}ms`;
}

const BYTES: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** `512KiB`, `16MiB`, `1GiB` -> bytes, within bounds given in bytes. */
export function byteSize(bounds: { min: number; max: number }) {
  const expected = `a size from ${formatBytes(bounds.min)} to ${formatBytes(bounds.max)}, such as 16MiB`;
  return form(expected, /^[0-9]{1,9}(B|KiB|MiB|GiB)$/, (text) => parseBytes(text, bounds));
}

function parseBytes(text: string, bounds: { min: number; max: number }): number | undefined {
  const unit = text.replace(/^[0-9]+/, "");
  const value = Number.parseInt(text, 10) * (BYTES[unit] ?? Number.NaN);
  return value >= bounds.min && value <= bounds.max ? value : undefined;
}

function formatBytes(bytes: number): string {
  for (const [unit, size] of Object.entries(BYTES).reverse()) {
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return `${bytes}B`;
}

/** How much there may be of something in how many milliseconds. */
export interface Rate {
  readonly amount: number;
  readonly per: number;
}

interface RateBounds {
  /** From 1 on. */
  readonly most: number;
  /** Milliseconds. */
  readonly per: { readonly min: number; readonly max: number };
}

/** `60/1m`, `100000/1h`: a number in a time. */
export function countRate(bounds: RateBounds) {
  return form("a number in a time, such as 60/1m", /^[0-9]{1,15}\/[0-9]{1,9}(ms|s|m|h|d)$/, (text) =>
    parseRate(text, (count) => Number.parseInt(count, 10), bounds),
  );
}

/** `100MiB/1d`: a size in a time; the amount is in bytes. */
export function byteRate(bounds: RateBounds) {
  return form(
    "a size in a time, such as 100MiB/1d",
    /^[0-9]{1,9}(B|KiB|MiB|GiB)\/[0-9]{1,9}(ms|s|m|h|d)$/,
    (text) => parseRate(text, (size) => parseBytes(size, { min: 1, max: bounds.most }), bounds),
  );
}

function parseRate(
  text: string,
  amountOf: (text: string) => number | undefined,
  { most, per: bounds }: RateBounds,
): Rate | undefined {
  const slash = text.indexOf("/");
  const amount = amountOf(text.slice(0, slash));
  const per = parseDuration(text.slice(slash + 1), bounds);
  if (amount === undefined || per === undefined || amount < 1 || amount > most) return undefined;
  return { amount, per };
}

const TCP = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]{1,253}):[0-9]{1,5}$/;
/** What fits into `sockaddr_un` on every system, its zero byte included. A longer path would be cut by some. */
const UNIX = /^unix:\/[ -~]{1,102}$/;

/** `host:port`, `127.0.0.1:5432`, `[::1]:5432`. */
export function tcpAddress() {
  return form<TcpAddress>("host:port", TCP, parseTcp);
}

/** The same, or `unix:/PATH`: the absolute path of a Unix socket, 103 characters at the most. */
export function address() {
  return form<Address>(
    "host:port, or unix:/PATH of at most 103 characters",
    new RegExp(`${TCP.source}|${UNIX.source}`),
    (text) => (UNIX.test(text) ? parseUnix(text) : parseTcp(text)),
  );
}

function parseTcp(text: string): TcpAddress | undefined {
  const colon = text.lastIndexOf(":");
  const port = Number.parseInt(text.slice(colon + 1), 10);
  const host = text.slice(0, colon).replace(/^\[|\]$/g, "");
  return port <= 65_535 ? { host, port } : undefined;
}

function parseUnix(text: string): UnixAddress {
  return { socket: resolve(text.slice("unix:".length)) };
}

/** One of it, or a list -> a list with something in it. */
export function oneOrMore<T extends z.ZodType>(schema: T) {
  const list = z.array(schema).min(1, "expected at least one");
  return z.union([schema, list]).transform((written, context): readonly [z.output<T>, ...z.output<T>[]] => {
    const [first, ...rest]: readonly z.output<T>[] = Array.isArray(written) ? written : [written];
    if (first !== undefined) return [first, ...rest];
    context.addIssue({ code: "custom", message: "expected at least one" });
    return z.NEVER;
  });
}

/** `file:PATH`, relative to the folder of the file that says so -> an absolute path. */
export function filePath(folder: string) {
  return form("file:PATH", /^file:.+$/, (text) => resolve(folder, text.slice("file:".length)));
}

/**
 * A key that has no place where it stands, though others like it have. JSON Schema has no need of it (`jsonSchemaOf`): what it
 * does not name may not be there.
 * @param why in words, with what to do
 */
export function misplaced(why: string) {
  return z
    .unknown()
    .meta(NOTHING)
    .transform((_, context) => {
      context.addIssue({ code: "custom", message: why, params: { atKey: true } });
      return z.NEVER;
    });
}

/** The JSON Schema that nothing fits. */
export const NOTHING = { not: {} } as const;

/** The name of a target, a level, a policy's file-independent parts: what people type and logs repeat. */
export function name() {
  return z
    .string()
    .regex(
      /^[A-Za-z][A-Za-z0-9_-]{0,62}$/,
      "expected a name: a letter, then up to 62 letters, digits, _ or -",
    );
}
