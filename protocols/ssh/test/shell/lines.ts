/**
 * Lines made at random, the same for the same seed: well-formed ones, well-formed ones with a few characters changed, and
 * plain heaps of what is special to shells. Programs in them are `gg`, `hh` and `kk`, which are on no list, and a few
 * that run others.
 */

/** Numbers from a seed (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to but not including this. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  of<T>(choices: readonly [T, ...T[]]): T {
    return choices[this.below(choices.length)] ?? choices[0];
  }
}

const PROGRAMS = ["gg", "hh", "kk", "'gg'", '"hh"', "\\kk"] as const;
/** Words, three blanks apart; and some that have other blanks in them. */
const WORDS = [
  ...String.raw`
    x   -x   --x=y   'a b'   "a b"   "$f"   $f   '$f'   \*   \;   a\ b   *   ~   {}   a=b   =   !   +   7   ""   ''
    x#y   a,b   a:b   a%b   a@b   []   "a\"b"   "a'b"   'a"b'   "a\\"   '\a'   "#"   é   'ü;hh'   -   $((1 + 2))   /dev/null
    @{f:-y}   "@{f}"   "a\xb"   'a;hh'   "a|hh"   a\"b   --   x=~   x~   \#   $?   "$@"   ?x   [ab]   '~'
  `
    .replaceAll("@{", "$" + "{")
    .trim()
    .split(/\s{3,}/),
  "'a\nb'",
  '"a\nb"',
] as unknown as readonly [string, ...string[]];
const WRAPPERS = [
  "env",
  "env x=1",
  "env -i",
  "nohup",
  "nice -n 5",
  "nice -5",
  "timeout 5",
  "timeout -k 1 5",
  "stdbuf -o L",
  "command",
  "exec",
  "time",
  "xargs",
  "xargs -n 1",
  "xargs -I {}",
  "setsid",
] as const;
const REDIRECTIONS = [
  ">out",
  "> out",
  ">>out",
  "2>&1",
  "2>out",
  "<in",
  "<&0",
  "<>out",
  ">'o ut'",
  "2>/dev/null",
] as const;
/** What is put among others, or in their place. */
const PIECES = [
  ...String.raw`
    gg hh kk x -x if then fi do done for in { } ( ) (( )) [[ ]] ; & | && || ;; < > << >> <& >& &> <> |& &! <<< <( >( $( $(( ' "
    \ $ * ? [ ] ~ # ^ ! = : , .. % @ + - _ 1 2 f $f @{ @{f} $1 $@ $? $# $' $" case esac while else time coproc function
    select 2>&1 =gg f=1 += >|
  `
    .replaceAll("@{", "$" + "{")
    .trim()
    .split(/\s+/),
  ..." ,`, , , ,\n,\t,\\\n,\r,é,\u00a0,<<E\n,\nE\n".split(","),
] as unknown as readonly [string, ...string[]];

export class Lines {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  next(): string {
    const kind = this.#random.below(10);
    if (kind < 4) return this.#list(3);
    if (kind < 8) return this.#changed(this.#list(2));
    return this.#heap();
  }

  #changed(line: string): string {
    let changed = line;
    for (let times = 1 + this.#random.below(3); times > 0; times--) {
      const at = this.#random.below(changed.length + 1);
      const gone = this.#random.below(2);
      changed = changed.slice(0, at) + this.#random.of(PIECES) + changed.slice(at + gone);
    }
    return changed;
  }

  #heap(): string {
    let heap = this.#random.of(PROGRAMS) as string;
    for (let count = 1 + this.#random.below(8); count > 0; count--) heap += this.#random.of(PIECES);
    return heap;
  }

  #list(depth: number): string {
    let list = this.#command(depth);
    for (let more = this.#random.below(3); more > 0; more--)
      list +=
        this.#random.of(["; ", " && ", " || ", " | ", "\n", " & ", ";", "|", "&"]) + this.#command(depth);
    return list;
  }

  #command(depth: number): string {
    if (depth === 0) return this.#simple(0);
    const inner = () => this.#list(depth - 1);
    switch (this.#random.below(14)) {
      case 0:
        return `( ${inner()} )`;
      case 1:
        return `{ ${inner()}\n}`;
      case 2:
        return `if ${inner()}\nthen ${inner()}\nelse ${inner()}\nfi`;
      case 3:
        return `for f in ${this.#word(0)} ${this.#word(0)}; do ${inner()}\ndone`;
      case 4:
        return `case x in (x|y) ${inner()}\n;; *) ${inner()}\nesac`;
      case 5:
        return `! ${this.#simple(depth)}`;
      case 6:
        return `sh -c '${inner().replaceAll("'", `'"'"'`)}'`;
      case 7:
        return `find . -maxdepth 0 -exec ${this.#simple(0)} \\;`;
      case 8:
        return `{ cat <<'E' | ${this.#simple(0)}\n${this.#simple(0)}\nE\n}`;
      default:
        return this.#simple(depth);
    }
  }

  #simple(depth: number): string {
    const words = [this.#random.of(PROGRAMS) as string];
    for (let count = this.#random.below(4); count > 0; count--) words.push(this.#word(depth));
    for (let count = this.#random.below(2); count > 0; count--)
      words.splice(this.#random.below(words.length + 1), 0, this.#random.of(REDIRECTIONS));
    // Anywhere else it is not read alike.
    if (this.#random.below(20) === 0) words.push("&>out");
    if (this.#random.below(5) === 0) words.unshift(this.#random.of(WRAPPERS));
    if (this.#random.below(8) === 0)
      words.unshift(this.#random.of(["f=1", "f='a b'", "LANG=C", 'f="$(hh)"']));
    return words.join(" ");
  }

  #word(depth: number): string {
    if (depth > 0)
      switch (this.#random.below(10)) {
        case 0:
          return `$(${this.#list(depth - 1)})`;
        case 1:
          return `"x$(${this.#list(depth - 1)})"`;
        case 2:
          return `\`${this.#simple(0)}\``;
        case 3:
          return `<(${this.#list(depth - 1)})`;
      }
    const word = this.#random.of(WORDS);
    return this.#random.below(6) === 0 ? word + this.#random.of(WORDS) : word;
  }
}
