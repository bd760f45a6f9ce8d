import type { CommandLine } from "../command-line.ts";
import type { Call, Program } from "../program.ts";
import { runsAnything } from "../program.ts";
import type { Word } from "../tree.ts";

/*
 * What clients of file transfer start at the target. Only the forms that those clients send are known: scp's and
 * rsync's server sides have options of their own that run programs or take their paths from elsewhere.
 */

type Transfer = NonNullable<CommandLine["transfer"]>;

const anotherHost = runsAnything("runs ssh or another program.", { network: true });

function transfers(call: Call, transfer: Transfer): void {
  call.facts.transfer = transfer;
  call.facts.atLeast(transfer.direction === "down" ? "read" : "write");
}

function asPath(word: Word): string | undefined {
  const path = word.literal ?? word.home;
  return path === undefined || path === "" || path.startsWith("-") ? undefined : path;
}

function asPaths(words: readonly Word[]): string[] | undefined {
  const paths = words.map(asPath).filter((path) => path !== undefined);
  return paths.length === words.length && paths.length > 0 ? paths : undefined;
}

/** scp.c: `scp [-r] [-p] [-v] [-d] -t|-f [--] PATH...` */
export const scp: Program = (call) => {
  const words = [...call.words];
  let letters = "";
  while (/^-[a-zA-Z]+$/.test(words[0]?.literal ?? "")) letters += words.shift()?.literal?.slice(1) ?? "";
  if (words[0]?.literal === "--") words.shift();
  const paths = asPaths(words);
  const up = letters.includes("t");
  if (
    paths === undefined ||
    !/^[rpvdqtf]+$/.test(letters) ||
    up === letters.includes("f") ||
    (up && paths.length > 1)
  ) {
    anotherHost(call);
    return;
  }
  transfers(call, { tool: "scp", direction: up ? "up" : "down", paths, recursive: letters.includes("r") });
};

/** options.c, server_options(): letters that take no value, and at their end what the client can do (`e.LsfxCIvu`). */
const CLUSTER = /^-[vlogDtprRHAXSWcnuIzkKLOJUNdxbqmyC]*(?:e[0-9]*\.[0-9]*[A-Za-z]*)?$/;
const LONG =
  /^--(?:sender|delete(?:-before|-during|-after|-delay|-excluded)?|force|partial|inplace|append|numeric-ids|ignore-existing|existing|ignore-errors|size-only|no-r|no-i-r|no-W|no-implied-dirs|safe-links|copy-unsafe-links|sparse|stats|checksum|(?:bwlimit|timeout|max-size|min-size|block-size|modify-window|compress-level|max-delete|log-format|stop-after)=[A-Za-z0-9%.-]*)$/;

/** `rsync --server [--sender] -logDtpre.iLsfxCIvu . PATH...` */
export const rsync: Program = (call) => {
  const [first, ...rest] = call.words;
  const before = rest.findIndex((word) => word.literal === ".");
  const given = rest.slice(0, Math.max(before, 0)).map((word) => word.literal ?? "?");
  const paths = asPaths(rest.slice(before + 1));
  const known = given.every((text) => CLUSTER.test(text) || LONG.test(text));
  if (first?.literal !== "--server" || before < 0 || !known || paths === undefined) {
    anotherHost(call);
    return;
  }
  const down = given.includes("--sender");
  transfers(call, {
    tool: "rsync",
    direction: down ? "down" : "up",
    paths,
    recursive: given.some((text) => /^-[^-e]*r/.test(text)),
  });
};

/** `git-upload-pack 'PATH'`. No client sends the form with a blank, `git upload-pack`. */
export const gitService: Program = (call) => {
  const paths = asPaths(call.words);
  if (paths?.length !== 1) {
    runsAnything("has options that may run anything.")(call);
    return;
  }
  const up = call.name === "git-receive-pack";
  transfers(call, { tool: "git", direction: up ? "up" : "down", paths, recursive: true });
};

/** The server of the sftp subsystem, run by its path. What it does is in its packets. */
export const sftpServer: Program = (call) => {
  if (call.words.length > 0) {
    runsAnything("has options.")(call);
    return;
  }
  transfers(call, { tool: "sftp", direction: "both", paths: [], recursive: true });
};
