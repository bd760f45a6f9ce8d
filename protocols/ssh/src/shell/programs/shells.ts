import type { Call } from "../program.ts";

/**
 * A shell runs what it reads from its input, a file or a variable; only `sh -c 'literal'` says here what it does.
 * Among its options are those that change neither how it reads nor what it reads first.
 */
export function shell(call: Call): void {
  const words = [...call.words];
  let command = false;
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const text = word.literal;
    if (text === undefined) {
      const what = command ? "a text that is not literal" : "options that are not literal";
      call.facts.unclear(`${call.name} has ${what}.`);
      return;
    }
    if (!/^[-+]/.test(text)) {
      // Without -c it is a file.
      if (!command) break;
      call.script(word);
      return;
    }
    const known = /^-[euxl]*(c?)[euxl]*$/.exec(text);
    if (text === "-o" && /^(?:pipefail|errexit|nounset)$/.test(words[0]?.literal ?? "")) words.shift();
    else if (known !== null && text !== "-") command ||= known[1] === "c";
    else {
      call.facts.unclear(`${call.name} ${text.slice(0, 40)} may run anything.`);
      return;
    }
  }
  call.facts.atLeast("admin");
  call.facts.unclear(`${call.name} runs what it reads.`);
}

/** Shells of another grammar. */
export function otherShell(call: Call): void {
  call.facts.atLeast("admin");
  call.facts.unclear(`${call.name} reads its text in another way.`);
}
