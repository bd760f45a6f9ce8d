import { type Subcommand, subcommands } from "../program.ts";
import type { Access } from "../facts.ts";

/*
 * git runs a good many programs: hooks, aliases, pagers, editors, transports, filters. Those that a repository's own
 * configuration names are the target's; here it is about those that a line could name. So unclear are -c,
 * --exec-path, --git-dir, --upload-pack, --receive-pack, ext:: and all that is not listed.
 */

/** A URL or a path, but no helper's (`ext::sh -c ..`), no option, and no host that is one (`ssh://-oProxyCommand=..`). */
const PLAIN = /^(?!-)(?!.*::)(?!.*:\/\/-)[A-Za-z0-9_./@:~^+=%,-]+$/;

const LOG =
  "-n: -# -p -S: -G: -L: -i -E --oneline --stat --graph --all --decorate? --author: --since: --until: --after: --before: " +
  "--grep: --format: --pretty? --abbrev-commit --name-only --name-status --follow --reverse --first-parent --merges " +
  "--no-merges --date: --max-count: --shortstat --numstat --patch --no-patch -s -w -b -U: --no-ext-diff --no-textconv --color?";

function all(access: Access, names: string, known: string, traits: Partial<Subcommand> = {}) {
  return Object.fromEntries(names.split(" ").map((name) => [name, { options: known, access, ...traits }]));
}

export const git = subcommands({
  before: "-C: --no-pager -P --no-optional-locks",
  anywhere: false,
  known: {
    ...all("read", "log show diff shortlog whatchanged", LOG, { terminal: true }),
    ...all("read", "status", "-s -b -u? --short --branch --porcelain? --untracked-files? --ignored?"),
    ...all(
      "read",
      "rev-parse",
      "--abbrev-ref? --short? --show-toplevel --verify --is-inside-work-tree --git-dir -q --symbolic-full-name",
    ),
    ...all(
      "read",
      "ls-files ls-tree rev-list describe merge-base name-rev show-ref for-each-ref cherry count-objects",
      "-r -l -d -z -t -n: --name-only --tags --always --dirty? --long --all --count --heads --format: --sort: --cached --others --exclude-standard --max-count: --is-ancestor",
    ),
    ...all("read", "blame cat-file", "-t -p -s -e -w -L:", { terminal: true }),
    ...all(
      "admin",
      "add commit checkout switch restore merge reset stash rm mv init tag branch rebase cherry-pick revert clean",
      "-a -m: -b -B -d -f -q -n -u -A -v -r -c --all --message: --amend --no-edit --hard --soft --mixed --force --quiet --cached --staged --abort --ff-only --no-ff --list --bare",
      { terminal: true },
    ),
    ...all(
      "admin",
      "fetch pull push clone ls-remote",
      "-q -v -f -b: -n --all --tags --prune -p --depth: --branch: --quiet --force --ff-only --rebase --set-upstream --single-branch --bare --mirror --heads --no-tags",
      { network: true, operands: { like: PLAIN } },
    ),
    version: { options: "" },
  },
});
