import { options, readArguments } from "../options.ts";
import { type Call, isKnown } from "../program.ts";
import { anyWords, literalWord, type Word } from "../tree.ts";

const OPTIONS = options(
  "-0 -r -t -x -n: -P: -L: -s: -d: -E: -a: -I: --null --no-run-if-empty --verbose --exit --max-args: --max-procs: " +
    "--max-lines: --max-chars: --delimiter: --arg-file:",
);

/** xargs adds words from its input to the program's, or puts them in the place of -I's text. */
export function xargs(call: Call): void {
  const found = readArguments(call.words, OPTIONS, true);
  if (!isKnown(call, found, true)) return;
  const place = found.options.findLast(({ name }) => name === "-I");
  if (place !== undefined && (place.value?.literal ?? "") === "") {
    call.facts.unclear("xargs -I has a text that is not known.");
    return;
  }
  const program = found.operands.length === 0 ? [literalWord("echo")] : found.operands;
  const text = place?.value?.literal;
  call.run(text === undefined ? [...program, anyWords] : program.map((word) => replaced(word, text)));
}

function replaced(word: Word, text: string): Word {
  const at = (word.literal ?? word.start).indexOf(text);
  if (at < 0) return word;
  return { literal: undefined, start: word.start.slice(0, at), single: true, raw: word.raw, home: undefined };
}
