import { createHash } from "node:crypto";
import type { Access, Command, Facts, FactSchema, Mask, MaskingOutcome } from "@gatehouse/core";
import type { TcpRoute } from "./codec/channel-open.ts";
import type { ListenAddress } from "./codec/global-request.ts";
import { readCommandLine } from "./shell/command-line.ts";
import type { SftpAction } from "./sftp/action.ts";

/** What `when` can ask of a command. What a kind of command does not have is empty, 0 or false. */
export const sshFacts: FactSchema = {
  prefix: "ssh",
  facts: {
    kind: {
      type: "string",
      description: '"exec", "shell", "subsystem", "sftp", "env", "forward", "listen", "agent" or "x11".',
    },
    access: {
      type: "string",
      description: 'The most that it does: "read", "write", "admin", or "unknown" where that can\'t be told.',
    },
    login: { type: "string", description: "Whom the target takes the session for." },
    line: { type: "string", description: "Of exec: the command line as it was sent.", varies: true },
    programs: {
      type: "list<string>",
      description: "Of exec: every program that it runs, also by others (sudo, xargs, sh -c), as written.",
    },
    argv: {
      type: "list<string>",
      description:
        "Of exec: the words of the one command that the line is; empty where it is more, or not literal.",
    },
    writes: { type: "list<string>", description: "Of exec: files that redirections write." },
    reads: { type: "list<string>", description: "Of exec: files that redirections read." },
    network: {
      type: "bool",
      description: "Of exec: it runs a program that talks to other machines, or opens a connection itself.",
    },
    opaque: { type: "bool", description: "Of exec: what it runs is not known for certain." },
    transfer: {
      type: "string",
      description: 'Of exec: "scp", "rsync", "git" or "sftp" where it is the other side of such a transfer.',
    },
    direction: {
      type: "string",
      description: 'Of a transfer: "up" to the target, "down" from it, or "both".',
    },
    pty: { type: "bool", description: "It has a terminal." },
    subsystem: { type: "string", description: "Of subsystem: its name." },
    operation: {
      type: "string",
      description:
        'Of sftp: "open-read", "open-write", "remove", "rename", "mkdir", "symlink", "list", "stat" ...',
    },
    paths: {
      type: "list<string>",
      description: "Of sftp and transfers: what it is about; of sftp canonical, as the target says.",
      varies: true,
    },
    host: { type: "string", description: "Of forward and listen: the host, or the path of a socket." },
    port: { type: "int", description: "Of forward and listen: the port; 0 for a socket." },
    variable: { type: "string", description: "Of env: the variable's name." },
    value: { type: "string", description: "Of env: its value.", varies: true },
  },
};

const EMPTY: Facts = {
  line: "",
  programs: [],
  argv: [],
  writes: [],
  reads: [],
  network: false,
  opaque: false,
  transfer: "",
  direction: "",
  pty: false,
  subsystem: "",
  operation: "",
  paths: [],
  host: "",
  port: 0,
  variable: "",
  value: "",
};

/** Characters of a command's text that the audit log and people are shown. */
const SHOWN = 8 * 1024;
/** Words and names that go into facts. */
const MOST = 200;

/** How a client asks. */
export type CommandKind =
  | "exec"
  | "shell"
  | "subsystem"
  | "sftp"
  | "env"
  | "forward"
  | "listen"
  | "agent"
  | "x11";

/** What comes back: text that detectors can look at, bytes that nothing can be told of, or nothing. */
type Answers = "text" | "bytes" | "nothing";

interface Parts {
  readonly kind: CommandKind;
  readonly verbs: readonly string[];
  readonly access: Access;
  readonly resources?: readonly string[];
  readonly text: string;
  readonly facts?: Facts;
  readonly answers: Answers;
  /** All that makes it this command, beside its text. */
  readonly identity: readonly (string | number | boolean)[];
}

/** One thing that a client of SSH wants done. */
export class SshCommand implements Command {
  readonly protocol = "ssh";
  readonly kind: CommandKind;
  readonly verbs: readonly string[];
  readonly access: Access;
  readonly resources: readonly string[];
  readonly text: string;
  readonly parameters: readonly string[] = [];
  readonly facts: Facts;
  readonly #answers: Answers;
  readonly #identity: readonly (string | number | boolean)[];

  constructor({ kind, verbs, access, resources = [], text, facts, answers, identity }: Parts, login: string) {
    this.kind = kind;
    this.verbs = verbs;
    this.access = access;
    this.resources = resources;
    this.text = text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
    this.facts = { ...EMPTY, kind, access, login, ...facts };
    this.#answers = answers;
    this.#identity = [kind, login, ...identity];
  }

  /** Its shape is itself: which of its words are values nobody can tell. */
  fingerprint(): string {
    return createHash("sha256").update(JSON.stringify(this.#identity)).digest("hex");
  }

  mask(masks: readonly Mask[]): MaskingOutcome {
    // Columns are for protocols that have some.
    const looking = masks.filter(({ detect }) => detect.length > 0);
    const [first] = looking;
    if (first === undefined || this.#answers === "nothing") return { ok: true, applied: [] };
    if (this.#answers === "bytes") {
      return {
        ok: false,
        message: "What this would move can't be masked: it is no text.",
        hint: 'Ask whoever keeps the policies for a rule whose mask leaves it out (`when: ssh.kind in ["exec", "shell"]`).',
        rule: first.rule,
      };
    }
    return { ok: true, applied: looking.map(({ rule, detect }) => ({ rule, hides: detect })) };
  }
}

/** What a session's programs are started with. */
export interface Surround {
  readonly pty: boolean;
  /** Variables that were let through, as `NAME=VALUE`. */
  readonly environment: readonly string[];
}

export function execCommand(bytes: Buffer, around: Surround, login: string): SshCommand {
  const line = readCommandLine(bytes);
  const [only, ...others] = line.commands;
  const words = others.length === 0 && only?.wrappedBy.length === 0 ? only.words : [];
  const literal = words.filter((word) => word !== undefined);
  const { transfer } = line;
  // A pager, or keys that are read: with a terminal such a program may run anything.
  const opaque = line.opaque.length > 0 || (around.pty && line.terminal.length > 0);
  const facts: Facts = {
    line: textOf(bytes),
    programs: line.programs.slice(0, MOST),
    argv: literal.length === words.length ? literal.slice(0, MOST) : [],
    writes: named(line.writes),
    reads: named(line.reads),
    network: line.network,
    opaque,
    pty: around.pty,
    ...(transfer && {
      transfer: transfer.tool,
      direction: transfer.direction,
      paths: transfer.paths.slice(0, MOST),
    }),
  };
  return new SshCommand(
    {
      kind: "exec",
      verbs: line.programs.slice(0, MOST),
      access: opaque ? "unknown" : line.access,
      resources: [...named(line.writes), ...named(line.reads)],
      text: textOf(bytes),
      facts,
      answers: transfer ? "bytes" : "text",
      identity: [bytes.toString("base64"), around.pty, ...around.environment],
    },
    login,
  );
}

export function shellCommand(around: Surround, login: string): SshCommand {
  const { pty, environment } = around;
  return new SshCommand(
    {
      kind: "shell",
      verbs: ["SHELL"],
      access: "admin",
      text: pty ? "shell with a terminal" : "shell",
      facts: { pty },
      answers: "text",
      identity: [pty, ...environment],
    },
    login,
  );
}

export function subsystemCommand(name: string, around: Surround, login: string): SshCommand {
  return new SshCommand(
    {
      kind: "subsystem",
      verbs: ["SUBSYSTEM"],
      access: "unknown",
      text: `subsystem ${name}`,
      facts: { subsystem: name, pty: around.pty },
      answers: "bytes",
      identity: [name, around.pty, ...around.environment],
    },
    login,
  );
}

export function environmentCommand(name: string, value: string, login: string): SshCommand {
  return new SshCommand(
    {
      kind: "env",
      verbs: ["ENV"],
      // Which programs look at it, and what they do then, is theirs.
      access: "admin",
      text: `${name}=${value}`,
      facts: { variable: name, value },
      answers: "nothing",
      identity: [name, value],
    },
    login,
  );
}

/** What of SFTP shows or spreads the content of files. Names of files are shown in any case. */
const GIVES_BYTES: ReadonlySet<SftpAction["kind"]> = new Set(["open-read", "open-read-write", "copy-data"]);

export function sftpCommand(action: SftpAction, login: string): SshCommand {
  const { kind, paths, resolved, opening, attributes } = action;
  // Where a path leads the target does not say: a rule by its words would be about something else.
  const access = resolved ? action.access : "unknown";
  const how = Object.entries(opening ?? {}).flatMap(([name, is]) => (is ? [name] : []));
  const mode = attributes?.permissions === undefined ? [] : [`mode ${attributes.permissions.toString(8)}`];
  return new SshCommand(
    {
      kind: "sftp",
      verbs: [kind.toUpperCase()],
      access,
      resources: paths,
      text: [kind, ...paths.map((path) => JSON.stringify(path)), ...how, ...mode].join(" "),
      facts: { operation: kind, paths },
      answers: GIVES_BYTES.has(kind) ? "bytes" : "nothing",
      identity: [action.identity],
    },
    login,
  );
}

export function forwardCommand({ host, port }: Pick<TcpRoute, "host" | "port">, login: string): SshCommand {
  return ofConnections("forward", `${host}:${port}`, { host, port }, login);
}

export function socketForwardCommand(path: string, login: string): SshCommand {
  return ofConnections("forward", path, { host: path }, login);
}

export function listenCommand({ host, port }: ListenAddress, login: string): SshCommand {
  return ofConnections("listen", `${host}:${port}`, { host, port }, login);
}

export function socketListenCommand(path: string, login: string): SshCommand {
  return ofConnections("listen", path, { host: path }, login);
}

/** The client's agent, or its display, for the use of programs at the target. */
export function lendCommand(kind: "agent" | "x11", login: string): SshCommand {
  return ofConnections(kind, kind === "agent" ? "the client's agent" : "the client's display", {}, login);
}

function ofConnections(
  kind: Extract<CommandKind, "forward" | "listen" | "agent" | "x11">,
  place: string,
  facts: Facts,
  login: string,
): SshCommand {
  return new SshCommand(
    {
      kind,
      verbs: [kind.toUpperCase()],
      access: "admin",
      resources: [place],
      text: `${kind} ${place}`,
      facts,
      answers: "bytes",
      identity: [place],
    },
    login,
  );
}

/** Bytes of a command line as people read them. Which encoding its shell reads them in, nobody knows here. */
function textOf(bytes: Buffer): string {
  return bytes.toString("utf8");
}

function named(files: readonly (string | undefined)[]): readonly string[] {
  return files.filter((file) => file !== undefined).slice(0, MOST);
}
