/*
 * Blowfish as bcrypt uses it (Provos and Mazieres, "A Future-Adaptable Password Scheme", 1999): with a key schedule that
 * can be run again and again. Node's OpenSSL has no way to its inner state.
 */

const ROUNDS = 16;
const SUBKEYS = ROUNDS + 2;
const BOX = 256;
const BOXES = 4;
const WORDS = SUBKEYS + BOXES * BOX;

let fractionOfPi: Uint32Array | undefined;

/** The state begins as the first bits behind the point of pi: the subkeys, then the four boxes. */
function initialState(): Uint32Array {
  fractionOfPi ??= computePi(WORDS);
  return fractionOfPi.slice();
}

/** By Machin's formula, pi = 16 arctan(1/5) - 4 arctan(1/239), with bits to spare for what is rounded. */
function computePi(words: number): Uint32Array {
  const spare = 64n;
  const bits = BigInt(words * 32);
  const one = 1n << (bits + spare);
  const arctan = (inverse: bigint): bigint => {
    let sum = 0n;
    let sign = 1n;
    let divisor = 1n;
    for (let power = one / inverse; power > 0n; power /= inverse * inverse) {
      sum += (sign * power) / divisor;
      sign = -sign;
      divisor += 2n;
    }
    return sum;
  };
  const pi = (16n * arctan(5n) - 4n * arctan(239n)) >> spare;
  const fraction = pi & ((1n << bits) - 1n);
  const hex = fraction.toString(16).padStart(words * 8, "0");
  return Uint32Array.from({ length: words }, (_, index) =>
    Number.parseInt(hex.slice(index * 8, index * 8 + 8), 16),
  );
}

export class Blowfish {
  /** Subkeys and boxes, one behind the other. */
  readonly #state = initialState();
  /** The block that is worked on. */
  #left = 0;
  #right = 0;

  /**
   * Mixes a key, and a salt where there is one, into the state. Both are read around and around.
   * @param salt big-endian words; without one each block is the encryption of the one before
   */
  expand(key: Uint32Array, salt?: Uint32Array): void {
    const state = this.#state;
    for (let index = 0; index < SUBKEYS; index++)
      state[index] = at(state, index) ^ at(key, index % key.length);
    this.#left = 0;
    this.#right = 0;
    let next = 0;
    for (let index = 0; index < WORDS; index += 2) {
      if (salt) {
        this.#left ^= at(salt, next++ % salt.length);
        this.#right ^= at(salt, next++ % salt.length);
      }
      this.#encipher();
      state[index] = this.#left;
      state[index + 1] = this.#right;
    }
  }

  /** Encrypts pairs of words in their place. */
  encrypt(words: Uint32Array): void {
    for (let index = 0; index < words.length; index += 2) {
      this.#left = at(words, index);
      this.#right = at(words, index + 1);
      this.#encipher();
      words[index] = this.#left;
      words[index + 1] = this.#right;
    }
  }

  #encipher(): void {
    const state = this.#state;
    let left = this.#left;
    let right = this.#right;
    for (let round = 0; round < ROUNDS; round++) {
      left ^= at(state, round);
      const mixed =
        ((at(state, SUBKEYS + (left >>> 24)) + at(state, SUBKEYS + BOX + ((left >>> 16) & 0xff))) ^
          at(state, SUBKEYS + 2 * BOX + ((left >>> 8) & 0xff))) +
        at(state, SUBKEYS + 3 * BOX + (left & 0xff));
      [left, right] = [right ^ mixed, left];
    }
    this.#left = right ^ at(state, SUBKEYS - 1);
    this.#right = left ^ at(state, SUBKEYS - 2);
  }
}

/** Every index above is within its array. */
function at(words: Uint32Array, index: number): number {
  return words[index] ?? 0;
}
