/**
 * What a terminal does not show as a character (ECMA-48; xterm's ctlseqs for the strings). A sequence that is cut off is taken
 * for as much of it as there is.
 */
export interface Control {
  readonly end: number;
  readonly kind: /** Between two characters that stand beside one another: colours, other character sets. */
    | "nothing"
    /** What follows may stand anywhere: `ESC [ 5 C` is how many programs write five blanks. */
    | "move"
    /** The next character stands in the place of the last one. */
    | "back"
    /** A title, a link, the clipboard: text that is for others than the screen. */
    | "string";
  /** Of a string, its content. */
  readonly from?: number;
  readonly to?: number;
}

/** Longer than the sequences of any terminal. What goes on behind it is looked at as text. */
const MAX_PARAMETERS = 256;
/** Of a string. An unended one would have the rest of all output not looked at. */
const MAX_STRING = 4096;

const BEL = 0x07;
const BS = 0x08;
const CAN = 0x18;
const SUB = 0x1a;
const ESC = 0x1b;
/** Of the two bytes that UTF-8 has for what ECMA-48 calls C1. */
const C1 = 0xc2;
const ST = 0x9c;

/** What begins here, if it is no character. */
export function controlAt(bytes: Buffer, at: number): Control | undefined {
  const byte = bytes[at] ?? 0;
  if (byte === C1) {
    const second = bytes[at + 1] ?? 0;
    // `ESC A` to `ESC _` in one character: U+0081 to U+009F.
    return second >= 0x80 && second <= 0x9f ? escaped(bytes, second - 0x40, at + 2) : undefined;
  }
  if ((byte >= 0x20 && byte !== 0x7f) || byte === 0x09 || byte === 0x0a) return undefined;
  if (byte === 0x0d && bytes[at + 1] === 0x0a) return undefined;
  if (byte === ESC) return afterEscape(bytes, at + 1);
  if (byte === BS) return { kind: "back", end: at + 1 };
  // VT, FF and CR.
  return { kind: byte >= 0x0b && byte <= 0x0d ? "move" : "nothing", end: at + 1 };
}

function afterEscape(bytes: Buffer, at: number): Control {
  let end = at;
  // Intermediate bytes, such as those that name a character set.
  while (inside(bytes[end], 0x20, 0x2f) && end - at < MAX_PARAMETERS) end++;
  const final = bytes[end];
  if (!inside(final, 0x30, 0x7e)) return { kind: "nothing", end };
  return end > at ? { kind: "nothing", end: end + 1 } : escaped(bytes, final ?? 0, end + 1);
}

/** @param final the byte that says which it is, behind ESC */
function escaped(bytes: Buffer, final: number, at: number): Control {
  switch (String.fromCharCode(final)) {
    case "[":
      return sequence(bytes, at);
    case "]":
      return string(bytes, at, true);
    case "P":
    case "X":
    case "^":
    case "_":
      return string(bytes, at, false);
    // Line feeds, a reset, a cursor brought back.
    case "8":
    case "c":
    case "D":
    case "E":
    case "M":
      return { kind: "move", end: at };
    default:
      return { kind: "nothing", end: at };
  }
}

/** CSI: parameters, intermediate bytes, and a final byte. Whatever does not belong there ends it. */
function sequence(bytes: Buffer, at: number): Control {
  let end = at;
  while (inside(bytes[end], 0x20, 0x3f) && end - at < MAX_PARAMETERS) end++;
  const final = bytes[end];
  if (!inside(final, 0x40, 0x7e)) return { kind: "nothing", end };
  return { kind: final === 0x6d ? "nothing" : "move", end: end + 1 };
}

/** OSC, DCS, SOS, PM, APC: up to ST, to BEL where it is OSC, or to what breaks it off. */
function string(bytes: Buffer, from: number, endsWithBell: boolean): Control {
  const limit = Math.min(bytes.length, from + MAX_STRING);
  for (let at = from; at < limit; at++) {
    const byte = bytes[at] ?? 0;
    const content = { kind: "string", from, to: at } as const;
    if (byte === ESC) return { ...content, end: bytes[at + 1] === 0x5c ? at + 2 : at };
    // Any other sequence breaks it off, so that no byte is looked at for more than one string.
    const second = byte === C1 ? (bytes[at + 1] ?? 0) : 0;
    if (second === ST) return { ...content, end: at + 2 };
    if (inside(second, 0x80, 0x9f)) return { ...content, end: at };
    if (byte === CAN || byte === SUB || (byte === BEL && endsWithBell)) return { ...content, end: at + 1 };
  }
  if (limit < bytes.length) return { kind: "nothing", end: from };
  return { kind: "string", from, to: limit, end: limit };
}

function inside(byte: number | undefined, from: number, to: number): boolean {
  return byte !== undefined && byte >= from && byte <= to;
}
