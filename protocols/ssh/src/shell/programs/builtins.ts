import { always, type Call, type Program, runsAnything, wraps } from "../program.ts";
import type { Word } from "../tree.ts";
import { isHarmless } from "../variables.ts";
import { named, type Table } from "./table.ts";

/*
 * What shells do themselves. ksh, mksh and zsh calculate where others want a number, and a calculation runs the
 * substitutions in subscripts: `exit 'a[$(id)]'`, `[ 'a[$(id)]' -eq 0 ]`, `printf %d 'a[$(id)]'`.
 */
export const builtins: Table = {
  ...named(": echo pwd cd type which whereis times logout", always("read")),
  ...named("exit return break continue shift wait", numbers),
  umask: limit,
  ulimit: limit,
  ...named("test [", test),
  printf,
  read: (call) => variables(call, call.words[0]?.literal === "-r" ? call.words.slice(1) : call.words),
  unset: (call) => variables(call, call.words),
  ...named("export readonly local", exports),
  set: settings,
  exec: wraps({ options: "" }),
  command: (call) => (/^-[vV]$/.test(call.words[0]?.literal ?? "") ? undefined : commandWord(call)),
  ...named(
    "eval . source trap alias unalias hash enable builtin coproc shopt setopt unsetopt emulate zmodload autoload bindkey bind " +
      "complete compgen compopt mapfile readarray declare typeset float integer nameref let history fc r print whence where " +
      "vared sched zle zstyle zformat zparseopts zregexparse ztcp zsocket zpty zcompile zargs functions functrace unfunction " +
      "disable limit unlimit rehash unhash pushd popd dirs suspend disown bg fg jobs getopts caller getln pushln log chdir " +
      "[[ ]] function select foreach repeat nocorrect noglob - always redirect compound stop sysread syswrite zselect " +
      "global rename bye compctl compcall comptags echotc echoti noglob private ttyctl which-command run-help setcap getcap " +
      "zcurses ztie zuntie zftp zprof zutil zsystem strftime and or not begin switch end abbr string status " +
      "argparse contains math random set_color block commandline fish_config psub",
    runsAnything("can change what the names on this line mean, or run anything."),
  ),
};

const commandWord: Program = wraps({ options: "" });

function numbers(call: Call): void {
  // A name would be a variable's, whose value is calculated in turn.
  const fits = (word: Word) => /^[0-9]+$/.test(word.literal ?? "") || /^"?\$[?!]"?$/.test(word.raw);
  if (!call.words.every(fits)) call.facts.unclear(`${call.name} has a number that may be calculated.`);
}

/** How files are made, and how much of what is used. */
function limit(call: Call): void {
  call.facts.atLeast(call.name === "umask" ? "write" : "admin");
  if (!call.words.every(({ literal }) => /^(?:-[A-Za-z]|[0-9]+|unlimited)$/.test(literal ?? "")))
    call.facts.unclear(`${call.name} has a number that may be calculated.`);
}

const STRING_TESTS = /^-[bcdefghLkprsSuwxnzOGN]$/;

/** Without calculations and without variables by name; with an operator that is not an expansion. */
function test(call: Call): void {
  const words = [...call.words];
  if (call.name === "[" && words.pop()?.literal !== "]") {
    call.facts.unclear("[ has no ].");
    return;
  }
  if (words[0]?.literal === "!") words.shift();
  const [first, second, third] = words;
  const known = words.every((word) => word.literal !== undefined);
  const simple =
    words.every((word) => word.single || word.home !== undefined) &&
    ((words.length === 2 && STRING_TESTS.test(first?.literal ?? "")) ||
      (words.length === 3 && /^(?:=|!=|-nt|-ot|-ef)$/.test(second?.literal ?? "")));
  if (simple || words.length === 0) return;
  const calculates = /^-(?:eq|ne|lt|le|gt|ge|v|R|t|o|a)$/;
  if (known && !words.some(({ literal }) => calculates.test(literal ?? ""))) return;
  const compares = words.length === 3 && /^-(?:eq|ne|lt|le|gt|ge)$/.test(second?.literal ?? "");
  const isNumber = (word: Word | undefined) =>
    /^-?[0-9]+$/.test(word?.literal ?? "") || /^"?\$[?#]"?$/.test(word?.raw ?? "");
  if (compares && isNumber(first) && isNumber(third)) return;
  call.facts.unclear(`${call.name} may calculate, which can run commands.`);
}

const CONVERSION = /%(?:%|[-0 +#]*[0-9]*(?:\.[0-9]*)?(.)?)/g;

function printf(call: Call): void {
  const [format, ...rest] = call.words[0]?.literal === "--" ? call.words.slice(1) : call.words;
  const text = format?.literal;
  const conversions = [...(text ?? "").matchAll(CONVERSION)].map(([all, conversion]) =>
    all === "%%" ? "s" : (conversion ?? "?"),
  );
  // -v of bash sets a variable, %n of some does too, and * takes a width from the arguments.
  if (
    text === undefined ||
    text.startsWith("-") ||
    !conversions.every((one) => "sbcdiuoxXeEfgG".includes(one))
  ) {
    call.facts.unclear("printf has a format that can do more than print.");
    return;
  }
  const number = (word: Word) => /^[+-]?[0-9.]*$/.test(word.literal ?? "?");
  if (!conversions.every((one) => "sbc".includes(one)) && !rest.every(number))
    call.facts.unclear("printf may calculate, which can run commands.");
}

/** Names of variables that are set or taken away. */
function variables(call: Call, names: readonly Word[]): void {
  for (const { literal } of names) call.assigns(literal ?? "", "");
}

function exports(call: Call): void {
  for (const word of call.words) {
    const text = word.literal ?? (word.single ? word.start : "");
    const [name = "", value] = text.split(/=(.*)/s);
    if (value === undefined && word.literal === undefined)
      call.facts.unclear(`${call.name} has a name that is not known.`);
    else if (value !== undefined || !isHarmless(name, ""))
      call.assigns(name, word.literal === undefined ? word.raw : (value ?? ""));
  }
}

/** `set -e`, `set -eu`, `set -o pipefail`: how a script ends, and nothing else. */
function settings(call: Call): void {
  const words = call.words.map(({ literal }) => literal ?? "?");
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    if (/^[-+][eux]+$/.test(word)) continue;
    if (/^[-+][eux]*o$/.test(word) && /^(?:pipefail|errexit|nounset|xtrace)$/.test(words[++at] ?? ""))
      continue;
    call.facts.unclear("set can change how the shell reads and runs.");
    return;
  }
}
