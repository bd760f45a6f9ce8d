/** What a webhook carries of one text: what is longer is read at the gateway. */
const LONGEST_TEXT = 4000;
const LONGEST_WORD = 256;
const LONGEST_LIST = 50;

/** Stands where something was left out. */
export const CUT = "…";

/** The beginning of a text, never with half of a character at its end. */
function shortened(text: string, longest: number): string {
  if (text.length <= longest) return text;
  return text.slice(0, longest - CUT.length).replace(/[\ud800-\udbff]$/, "") + CUT;
}

export function shortText(text: string): string {
  return shortened(text, LONGEST_TEXT);
}

export function shortWord(text: string): string {
  return shortened(text, LONGEST_WORD);
}

export function shortList(words: readonly string[]): string[] {
  const some = words.slice(0, LONGEST_LIST).map(shortWord);
  return words.length > LONGEST_LIST ? [...some, CUT] : some;
}
