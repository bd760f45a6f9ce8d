/** Shorter ones are looked for as a word alone: else half of all texts would hold them. */
export const SHORT = 6;

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * The forms in which servers repeat in a body what they were sent: as it is, encoded for a URL (twice, too), JSON or HTML, and as a part of a longer
 * text in base64. A form that has another one in it is left out, since that one is found in it. What is not among them: texts that are encoded in a
 * way that nobody needs (`%61`), hexadecimal digits, ciphers.
 */
export function bodyForms(secrets: readonly string[]): readonly Buffer[] {
  return least(least(secrets).flatMap(formsOf)).map((form) => Buffer.from(form, "latin1"));
}

/** Without those that have another one in them. Of a short one that is no help: it is found only where it is a word. */
function least(texts: readonly string[]): readonly string[] {
  const all = [...new Set(texts)].filter((text) => text !== "");
  return all.filter(
    (text) => !all.some((other) => other !== text && other.length >= SHORT && text.includes(other)),
  );
}

/** Each unit is a byte. */
function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret, "utf8");
  const texts = /^[A-Za-z0-9._-]*$/.test(secret) ? [secret] : [bytes.toString("latin1"), ...encoded(secret)];
  // Of a short one the encoded form is short as well, and a part of many others'.
  return bytes.length < SHORT ? texts : [...texts, ...base64Forms(bytes)];
}

/** What has signs in it that a URL, JSON or HTML takes for its own. */
function encoded(secret: string): readonly string[] {
  const uri = encodeURIComponent(secret);
  const form = new URLSearchParams({ a: secret }).toString().slice(2);
  const json = JSON.stringify(secret).slice(1, -1);
  const uris = [uri, uri.replaceAll("%20", "+"), form];
  return [
    ...uris,
    ...uris.map((text) => text.replace(/%../g, (one) => one.toLowerCase())),
    encodeURIComponent(uri),
    ...escaped(Buffer.from(json, "utf8").toString("latin1")),
    ...escaped(json.replace(/[^\0-\x7f]/g, (unit) => unicodeEscape(unit))),
    ...escaped(json.replace(/[^\0-\x7f]/g, (unit) => unicodeEscape(unit).toUpperCase().replace("U", "u"))),
    Buffer.from(secret.replace(/[&<>"']/g, (sign) => ENTITIES[sign] ?? sign)).toString("latin1"),
  ];
}

/** Some escape the slash, which needs none. */
function escaped(json: string): readonly string[] {
  return [json, json.replaceAll("/", "\\/")];
}

function unicodeEscape(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/**
 * What base64 makes of bytes in the middle of others: it depends on their place among them, by three (RFC 4648, section 4). The characters at the ends
 * that other bytes have a part in are not among them.
 */
function base64Forms(bytes: Buffer): readonly string[] {
  return [0, 1, 2].flatMap((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64");
    const whole = text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
    if (!/[+/]/.test(whole)) return [whole];
    const forUrls = whole.replaceAll("+", "-").replaceAll("/", "_");
    return [...escaped(whole), forUrls, encodeURIComponent(whole)];
  });
}
