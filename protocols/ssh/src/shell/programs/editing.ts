import { options, readArguments } from "../options.ts";
import { type Call, isKnown } from "../program.ts";

/*
 * sed and awk are languages that can run programs and write files. Known are the plainest of their texts; any other
 * makes the line unclear.
 */

const ADDRESS = String.raw`(?:[0-9]+|\$|/(?:[^/\\\n\[]|\\[^\n])*/)`;
const ADDRESSES = `(?:${ADDRESS}(?:,${ADDRESS})?!?)?`;
/** Between two of the same character, with brackets that are closed: GNU and BSD differ on a delimiter in brackets. */
const piece = (limit: string) =>
  String.raw`(?:[^${limit}\\\n\[]|\\[^\n]|\[\^?\]?(?:[^${limit}\]\n\[\\]|\[:[a-z]+:\])*\])*`;
const substitute = (limit: string) =>
  String.raw`s${limit}${piece(limit)}${limit}(?:[^${limit}\\\n]|\\[^\n])*${limit}[gpI0-9]*`;
const COMMAND = `${ADDRESSES}(?:[pdq=]|${["/", "\\|", "#", ",", ":", "@"].map(substitute).join("|")})`;
const SCRIPT = new RegExp(`^ *${COMMAND}(?: *; *${COMMAND})* *;?$`);
/** Longer ones would take the pattern too long. */
const LONGEST = 1000;

const SED_OPTIONS = options(
  "-n -E -r -s -u -z -e: -i? --quiet --silent --regexp-extended --expression: --in-place?",
);

export function sed(call: Call): void {
  const found = readArguments(call.words, SED_OPTIONS, false);
  if (!isKnown(call, found, true)) return;
  if (found.options.some(({ name }) => name === "-i" || name === "--in-place")) call.facts.atLeast("write");
  const given = found.options
    .filter(({ name }) => name === "-e" || name === "--expression")
    .map(({ value }) => value);
  const scripts = given.length > 0 ? given : found.operands.slice(0, 1);
  // BSD's options end at the first operand: it would take `sed 'w file' -e p` for the script `w file`.
  const early = readArguments(call.words, SED_OPTIONS, true).options.length === found.options.length;
  const plain =
    early &&
    scripts.every(
      (script) =>
        script?.literal !== undefined && script.literal.length < LONGEST && SCRIPT.test(script.literal),
    );
  if (!plain || scripts.length === 0) call.facts.unclear("sed has a script that may run or write anything.");
}

const ITEM = String.raw`(?:\$(?:[0-9]+|NF|NR)|NR|NF|"[^"\\]*")`;
const PATTERN = String.raw`(?:NR ?(?:==|!=|<|>|<=|>=) ?[0-9]+|/(?:[^/\\\n\[]|\\[^\n])*/)`;
const PROGRAM = new RegExp(
  String.raw`^ *(?:${PATTERN}|${PATTERN}? *\{ *print(?: +${ITEM}| *\$[0-9]+)?(?:(?: *, *| +)${ITEM})* *;? *\})$`,
);
const AWK_OPTIONS = options("-F:");

export function awk(call: Call): void {
  const found = readArguments(call.words, AWK_OPTIONS, true);
  if (!isKnown(call, found, true)) return;
  const [program, ...files] = found.operands;
  const plain =
    program?.literal !== undefined && program.literal.length < LONGEST && PROGRAM.test(program.literal);
  // NAME=VALUE among the files sets a variable, and - and /inet/ are no files; options may follow in busybox.
  const plainFiles = files.every((file) =>
    /^(?:[A-Za-z0-9_.~]|\/(?!inet))[^=]*$/.test(file.literal ?? file.home ?? ""),
  );
  if (!plain || !plainFiles) call.facts.unclear("awk has a program that may run or write anything.");
}
