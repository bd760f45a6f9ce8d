import { InvalidArgumentError } from "commander";
import type { ControlOptions } from "./approvals-options.ts";

export interface CertOptions extends ControlOptions {
  /** The path of a private key; the certificate is put beside it. */
  readonly out?: string;
  /** The path of a public key, whose private half is elsewhere. */
  readonly key?: string;
  /** Undefined where it was not said. */
  readonly agent?: boolean;
  /** Seconds. */
  readonly lifetime?: number;
  readonly json: boolean;
}

export interface SshConfigOptions extends ControlOptions {
  readonly name: string;
  readonly host?: string;
  readonly port?: number;
  readonly identity?: string;
  readonly knownHosts: boolean;
  readonly knownHostsFile: string;
  readonly json: boolean;
}

/** A login at a target, as SSH's user name has it. */
export interface Way {
  readonly login: string;
  readonly target: string;
}

/** Reads `LOGIN@TARGET`, and adds it to those before. @throws InvalidArgumentError */
export function wayArgument(text: string, before: readonly Way[] = []): readonly Way[] {
  // What it is made of goes into a file that ssh reads: nothing with a meaning of its own there.
  const [, login, target] =
    /^([A-Za-z0-9_][A-Za-z0-9_.-]{0,62})[@%]([A-Za-z][A-Za-z0-9_-]{0,62})$/.exec(text) ?? [];
  if (login !== undefined && target !== undefined) return [...before, { login, target }];
  throw new InvalidArgumentError("Expected LOGIN@TARGET, such as deploy@web.");
}

/** Reads the host's name that ssh is to know the gateway by. @throws InvalidArgumentError */
export function hostArgument(text: string): string {
  if (/^[A-Za-z0-9]([A-Za-z0-9.:-]{0,252})$/.test(text)) return text;
  throw new InvalidArgumentError("Expected a host's name.");
}

/** @throws InvalidArgumentError */
export function portArgument(text: string): number {
  const port = Number(text);
  if (/^[0-9]{1,5}$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw new InvalidArgumentError("Expected a port, from 1 to 65535.");
}

/** The path of a file, as it can stand in ssh's config. @throws InvalidArgumentError */
export function fileArgument(text: string): string {
  if (/^[^"\p{Cc}]+$/u.test(text)) return text;
  throw new InvalidArgumentError("Expected the path of a file, without quotes.");
}
