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
  // As somebody types it who had it read to them.
  const id = text.replace(/^apr_/i, "apr_").replace(/(?<=^apr_).*$/, (rest) => rest.toUpperCase());
  if (!/^apr_[0-9A-HJKMNP-TV-Z]{16}$/.test(id))
    throw new InvalidArgumentError("Expected an approval's id: apr_ and 16 letters and digits.");
  return id;
}
