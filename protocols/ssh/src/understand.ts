import { GatehouseError, type Understand, type Understanding } from "@gatehouse/core";
import {
  environmentCommand,
  execCommand,
  forwardCommand,
  lendCommand,
  listenCommand,
  sftpCommand,
  shellCommand,
  type SshCommand,
  subsystemCommand,
} from "./commands.ts";
import { levelSettingsOf } from "./settings.ts";
import type { SftpActionKind } from "./sftp/action.ts";

/** Without a terminal, without variables. */
const NOTHING_AROUND = { pty: false, environment: [] };

/** What each request about files does, at the most. */
const SFTP_ACCESS: Readonly<Record<SftpActionKind, "read" | "write">> = {
  "open-read": "read",
  "open-write": "write",
  "open-read-write": "write",
  remove: "write",
  rename: "write",
  mkdir: "write",
  rmdir: "write",
  setstat: "write",
  symlink: "write",
  hardlink: "write",
  list: "read",
  stat: "read",
  "copy-data": "write",
  users: "read",
};

const FORMS =
  "@shell, @sftp OPERATION PATH, @forward HOST:PORT, @listen HOST:PORT, @agent, @x11, @env NAME=VALUE or @subsystem NAME";

/**
 * A command line, as `ssh HOST 'LINE'` sends it; what begins with `@` stands for something else that a client can ask for:
 * `@shell`, `@sftp open-write /srv/app`, `@forward db.internal:5432`.
 */
export const understand: Understand = (text, target) => {
  // Of which login it is, only a session knows; all of the target's have the same grammar.
  const [level] = target.levels.values();
  if (level === undefined)
    throw new GatehouseError("CONFIG_INVALID", `The target "${target.name}" has no level.`);
  const login = levelSettingsOf(level.settings).login ?? level.name;
  const command = text.startsWith("@")
    ? otherCommand(text, login)
    : execCommand(Buffer.from(text, "utf8"), NOTHING_AROUND, login);
  const understanding: Understanding = command
    ? { ok: true, command }
    : {
        ok: false,
        refusal: {
          kind: "syntax",
          message: `"${text}" is nothing that a client can ask for.`,
          hint: `Write a command line, or ${FORMS}.`,
        },
      };
  return Promise.resolve(understanding);
};

function otherCommand(text: string, login: string): SshCommand | undefined {
  const [form, first = "", ...more] = text.split(" ");
  const [place, port] = [
    first.slice(0, first.lastIndexOf(":")),
    Number(first.slice(first.lastIndexOf(":") + 1)),
  ];
  switch (form) {
    case "@shell":
      return shellCommand({ ...NOTHING_AROUND, pty: true }, login);
    case "@sftp":
      return isSftpAction(first)
        ? sftpCommand(
            { kind: first, access: SFTP_ACCESS[first], paths: more, resolved: true, identity: text },
            login,
          )
        : undefined;
    case "@forward":
    case "@listen":
      if (place === "" || !Number.isInteger(port)) return undefined;
      return (form === "@forward" ? forwardCommand : listenCommand)({ host: place, port }, login);
    case "@agent":
      return lendCommand("agent", login);
    case "@x11":
      return lendCommand("x11", login);
    case "@env": {
      const equals = first.indexOf("=");
      return equals > 0
        ? environmentCommand(first.slice(0, equals), first.slice(equals + 1), login)
        : undefined;
    }
    case "@subsystem":
      return first === "" ? undefined : subsystemCommand(first, NOTHING_AROUND, login);
    default:
      return undefined;
  }
}

function isSftpAction(word: string): word is SftpActionKind {
  return Object.hasOwn(SFTP_ACCESS, word);
}
