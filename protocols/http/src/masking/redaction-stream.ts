import { SHORT } from "../credentials/body-forms.ts";
import type { Sink } from "./sink.ts";

const STAR = 0x2a;
const NOTHING: Buffer = Buffer.alloc(0);

/** What bodies are made of, the most frequent first: a form is looked for by the rarest byte in it, which is far quicker. */
const FREQUENT = ' "etaoinsr,:lhdcumfpgwyb0125346789{}vk-_/.[]\n=<>xjqz+;ETAOINSRLHDCU%';

/** A form, and what is looked for: its bytes from the rarest one on. */
interface Needle {
  readonly form: Buffer;
  readonly rarest: number;
  readonly rest: Buffer;
}

/**
 * Takes secrets out of a body: stars, as many as the secret's form has bytes, so that lengths that were said stay true. What is kept back at the
 * end of a piece is what could be the beginning of a form, and less than the longest one; it waits for what follows or for the body's end. Texts
 * whose reader waits end with a line's end, which begins no secret.
 * @param forms of secrets, as `Redactor.forms` has them
 */
export function withoutSecrets(forms: readonly Buffer[], next: Sink): Sink {
  return forms.length === 0 ? next : new RedactionStream(forms, next);
}

class RedactionStream implements Sink {
  readonly #needles: readonly Needle[];
  readonly #next: Sink;
  /** As it came. */
  #kept: Buffer = NOTHING;
  /** So much of what is kept belongs to a form that has begun before it. */
  #hidden = 0;
  /** What stands before what is kept. */
  #before: number | undefined;

  constructor(forms: readonly Buffer[], next: Sink) {
    this.#needles = needlesOf(forms);
    this.#next = next;
  }

  write(content: readonly Buffer[]): Promise<void> | undefined {
    const shown = content.map((piece) => this.#look(piece, false)).filter(({ length }) => length > 0);
    return shown.length === 0 ? undefined : this.#next.write(shown);
  }

  end(): Promise<void> | undefined {
    const rest = this.#look(NOTHING, true);
    const room = rest.length === 0 ? undefined : this.#next.write([rest]);
    return room ? room.then(() => this.#next.end()) : this.#next.end();
  }

  abort(): void {
    this.#kept = NOTHING;
    this.#next.abort();
  }

  /** @returns what is decided, the very bytes where nothing was found */
  #look(piece: Buffer, isLast: boolean): Buffer {
    const all = this.#kept.length === 0 ? piece : Buffer.concat([this.#kept, piece]);
    const cut = isLast ? all.length : this.#undecided(all);
    let shown = all;
    let hidden = 0;
    const hide = (start: number, end: number) => {
      // The bytes are their owner's.
      if (shown === all) shown = Buffer.from(all);
      shown.fill(STAR, start, end);
      hidden = Math.max(hidden, end);
    };
    if (this.#hidden > 0) hide(0, this.#hidden);
    for (const needle of this.#needles) this.#find(needle, all, { isLast, hide });
    this.#hidden = Math.max(0, hidden - cut);
    if (cut > 0) this.#before = all[cut - 1];
    this.#kept = cut === all.length ? NOTHING : Buffer.from(all.subarray(cut));
    return shown.subarray(0, cut);
  }

  #find(
    { form, rarest, rest }: Needle,
    all: Buffer,
    { isLast, hide }: { readonly isLast: boolean; readonly hide: (start: number, end: number) => void },
  ): void {
    let hiddenTo = 0;
    for (let found = all.indexOf(rest, rarest); found !== -1; found = all.indexOf(rest, found + 1)) {
      const at = found - rarest;
      if (all.compare(form, 0, rarest, at, found) !== 0) continue;
      const end = at + form.length;
      // A short one is a secret where it is a word alone, and what stands behind it may not have come yet.
      if (form.length < SHORT) {
        const isKnown = end < all.length || isLast;
        if (!isKnown || isWord(at === 0 ? this.#before : all[at - 1]) || isWord(all[end])) continue;
      }
      hide(Math.max(at, hiddenTo), end);
      hiddenTo = end;
    }
  }

  /** From where on what is there could be the beginning of a form. */
  #undecided(all: Buffer): number {
    let undecided = all.length;
    for (const { form } of this.#needles) {
      const [first = 0] = form;
      const most = form.length < SHORT ? form.length : form.length - 1;
      let at = all.indexOf(first, Math.max(0, all.length - most));
      while (at !== -1 && at < undecided) {
        if (all.compare(form, 0, all.length - at, at) === 0) undecided = at;
        else at = all.indexOf(first, at + 1);
      }
    }
    return undecided;
  }
}

/** The answers to one lease's requests have them together, as they have the forms. */
const known = new WeakMap<readonly Buffer[], readonly Needle[]>();

function needlesOf(forms: readonly Buffer[]): readonly Needle[] {
  const needles = known.get(forms) ?? forms.map(needleOf);
  known.set(forms, needles);
  return needles;
}

function needleOf(form: Buffer): Needle {
  let rarest = 0;
  let rank = -1;
  // So that enough is left: what is looked for quickly has some length.
  for (const [place, byte] of form.subarray(0, Math.ceil(form.length / 2)).entries()) {
    const found = FREQUENT.indexOf(String.fromCharCode(byte));
    const here = found === -1 ? FREQUENT.length : found;
    if (here > rank) [rarest, rank] = [place, here];
  }
  return { form, rarest, rest: form.subarray(rarest) };
}

function isWord(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  const letter = byte | 0x20;
  return (byte >= 0x30 && byte <= 0x39) || (letter >= 0x61 && letter <= 0x7a);
}
