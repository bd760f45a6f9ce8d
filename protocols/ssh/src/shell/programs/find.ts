import type { Call } from "../program.ts";
import { literalWord, type Word } from "../tree.ts";

/*
 * find's expression. A primary that is not listed makes the line unclear: the others write files (-fprint, -fls) or
 * read what to do from one (-files0-from).
 */

const words = (line: string) => new Set(line.split(" "));

const GLOBAL = words("-H -L -P");
const ALONE = words(
  "( ) ! , -a -and -o -or -not -print -print0 -ls -prune -quit -depth -d -mount -xdev -x -daystart -follow -noleaf -empty " +
    "-executable -readable -writable -nouser -nogroup -true -false -nowarn -warn -ignore_readdir_race",
);
const WITH_VALUE = words(
  "-name -iname -path -ipath -wholename -iwholename -lname -ilname -regex -iregex -regextype -type -xtype -size -user " +
    "-group -uid -gid -perm -links -inum -samefile -newer -anewer -cnewer -newermt -newerat -newerct -mtime -atime -ctime " +
    "-mmin -amin -cmin -used -maxdepth -mindepth -fstype -printf",
);
const RUNS = words("-exec -execdir -ok -okdir");

/** A file that was found stands in for `{}`: one word, whose beginning is not known. */
const foundFile: Word = { literal: undefined, start: "", single: true, raw: "{}", home: undefined };

export function find(call: Call): void {
  const rest = [...call.words];
  while (GLOBAL.has(rest[0]?.literal ?? "")) rest.shift();
  // Where to look: a word that is expanded may become a primary.
  while (isPlace(rest[0])) rest.shift();
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const primary = word.literal;
    if (primary === undefined) {
      call.facts.unclear(`find has a word that may become -exec: ${word.raw.slice(0, 40)}`);
      return;
    }
    if (ALONE.has(primary)) continue;
    if (primary === "-delete") {
      call.facts.atLeast("write");
    } else if (WITH_VALUE.has(primary)) {
      if (rest.shift()?.single !== true) {
        call.facts.unclear(`find ${primary} has a value that may become words.`);
        return;
      }
    } else if (RUNS.has(primary)) {
      const ended = runs(call, rest);
      if (!ended) {
        call.facts.unclear(`find ${primary} has no certain end.`);
        return;
      }
    } else {
      call.facts.atLeast("admin");
      call.facts.unclear(`find ${primary.slice(0, 40)} may run or write anything.`);
      return;
    }
  }
}

/** Split words might go on with a primary; the files of a pattern all begin as it does. */
function isPlace(word: Word | undefined): boolean {
  if (word === undefined) return false;
  const begins = /^[^-(!,)]/.test(word.literal ?? word.start);
  return begins && (word.literal !== undefined || word.single || !/[$`]/.test(word.raw));
}

/** Takes the program's words, up to `;` or `{} +`. */
function runs(call: Call, rest: Word[]): boolean {
  const program: Word[] = [];
  let last: string | undefined;
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word.literal === ";" || (word.literal === "+" && last === "{}")) {
      call.run(program);
      return program.length > 0;
    }
    if (word.literal === "+") return false;
    last = word.literal;
    // A word that may become `;` or several hides where the program ends.
    if (word.literal === undefined && (!word.single || /^(?:$|[;+{])/.test(word.start))) return false;
    program.push(withFile(word));
  }
  return false;
}

function withFile(word: Word): Word {
  const text = word.literal ?? word.start;
  const at = text.indexOf("{}");
  if (at < 0) return word.literal === undefined ? word : literalWord(word.literal);
  return at === 0 ? foundFile : { ...foundFile, start: text.slice(0, at) };
}
