import { duration } from "@gatehouse/documents";
import { InvalidArgumentError } from "commander";

/** Which control plane, and who asks. */
export interface ControlOptions {
  readonly url: URL;
  readonly tokenFile?: string;
  /** The path of a CA bundle, where the control plane's certificate is not from a public authority. */
  readonly ca?: string;
}

export interface ListOptions extends ControlOptions {
  readonly state: string;
  readonly before?: string;
  readonly watch: boolean;
  readonly json: boolean;
}

export interface ShowOptions extends ControlOptions {
  readonly full: boolean;
  readonly json: boolean;
}

export interface AnswerOptions extends ControlOptions {
  readonly reason?: string;
  readonly json: boolean;
}

export interface RequestOptions extends ControlOptions {
  /** The level. */
  readonly as: string;
  /** Seconds. */
  readonly for?: number;
  readonly reason?: string;
  readonly wait: boolean;
  readonly json: boolean;
}

export interface GrantsOptions extends ControlOptions {
  readonly json: boolean;
}

export interface RevokeOptions extends GrantsOptions {
  readonly reason?: string;
}

export const states = ["pending", "approved", "denied", "expired", "void", "spent", "all"];

/** Reads `--url`. @throws InvalidArgumentError for anything but https: a token goes over no other way */
export function urlArgument(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "https:" || url.username !== "" || url.search !== "" || url.hash !== "")
    throw new InvalidArgumentError("Expected https://HOST:PORT, where the gateway's control plane is.");
  return url;
}

/** Reads the id of an approval. @throws InvalidArgumentError */
export function idArgument(text: string): string {
  return idOf("apr", text, "an approval's id");
}

/** Reads the id of a grant. @throws InvalidArgumentError */
export function grantArgument(text: string): string {
  return idOf("grt", text, "a grant's id");
}

/** Reads how long a grant is wanted for -> seconds. @throws InvalidArgumentError */
export function lengthArgument(text: string): number {
  const length = duration({ min: 60_000, max: 86_400_000 }).safeParse(text);
  if (!length.success || length.data % 1000 !== 0)
    throw new InvalidArgumentError("Expected a time from 1m to 24h, such as 30m.");
  return length.data / 1000;
}

/** As somebody types it who had it read to them. */
function idOf(prefix: string, text: string, what: string): string {
  const [given = "", ...rest] = text.split("_");
  const id = `${given.toLowerCase()}_${rest.join("_").toUpperCase()}`;
  if (new RegExp(`^${prefix}_[0-9A-HJKMNP-TV-Z]{16}$`).test(id)) return id;
  throw new InvalidArgumentError(`Expected ${what}: ${prefix}_ and 16 letters and digits.`);
}
