import { always, type Program, runsAnything } from "../program.ts";
import { builtins } from "./builtins.ts";
import { changing } from "./changing.ts";
import { awk, sed } from "./editing.ts";
import { find } from "./find.ts";
import { git } from "./git.ts";
import { reading } from "./reading.ts";
import { running } from "./running.ts";
import { otherShell, shell } from "./shells.ts";
import { services } from "./services.ts";
import { named, type Table } from "./table.ts";
import { tar } from "./tar.ts";
import { gitService, rsync, scp, sftpServer } from "./transfers.ts";
import { xargs } from "./xargs.ts";

/** Those whose name alone does not tell that nothing else is run. */
const runners: Table = {
  ...running,
  ...builtins,
  ...services,
  ...named("sh bash dash ash ksh ksh93 mksh lksh zsh rbash yash", shell),
  ...named("fish csh tcsh elvish nu xonsh osh ysh oil rc es sash scsh hush msh", otherShell),
  ...named("git-upload-pack git-receive-pack git-upload-archive", gitService),
  ...named("internal-sftp sftp-server", sftpServer),
  ...named("tar bsdtar gtar", tar),
  awk,
  find,
  git,
  rsync,
  scp,
  sed,
  xargs,
};

// Maps, so that `constructor` is no program.
const RUNNERS: ReadonlyMap<string, Program> = new Map(Object.entries(runners));
const PLAIN: ReadonlyMap<string, Program> = new Map(Object.entries({ ...reading, ...changing }));

/** Folders in which a name is what it is anywhere. What sshd runs besides is in a few more. */
const FOLDERS = /^\/(?:usr\/(?:local\/)?)?s?bin\/$/;
const SFTP_FOLDERS = /^\/usr\/(?:local\/)?(?:lib|lib64|libexec)\/(?:openssh\/|ssh\/|misc\/)?$/;
/** python3.11, perl5.36.0, gcc-12, php8; and the loader, which runs what it is given. */
const VERSION = /^(.*?[A-Za-z+])-?[0-9][0-9.]*$/;
const LOADER = /^ld(?:-[A-Za-z0-9_-]+)?[-.0-9]*\.so(?:\.[0-9]+)?$/;

const elsewhere = runsAnything("is called like a program that runs others.");
const unlisted = always("admin");

/**
 * What is known of a program by the name that it is run by. One that is on no list may do anything, but what it does is
 * its own: only names of those that run others make the line unclear where they are not quite as listed.
 */
export function findProgram(path: string): { readonly name: string; readonly program: Program } {
  const slash = path.lastIndexOf("/") + 1;
  const folder = path.slice(0, slash);
  const name = path.slice(slash);
  const inPlace =
    folder === "" || FOLDERS.test(folder) || (name === "sftp-server" && SFTP_FOLDERS.test(folder));
  const program = RUNNERS.get(name) ?? PLAIN.get(name);
  if (program !== undefined && inPlace) return { name, program };
  // On file systems without case, SUDO is sudo.
  const base = name.toLowerCase();
  const runs = RUNNERS.has(base) || RUNNERS.has(VERSION.exec(base)?.[1] ?? "") || LOADER.test(base);
  return { name, program: runs ? elsewhere : unlisted };
}
