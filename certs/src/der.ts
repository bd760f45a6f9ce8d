import forge from "node-forge";

const { asn1 } = forge;
const { Class, Type } = asn1;

/** One ASN.1 value; X.690 (DER) says how it becomes bytes. */
export type Der = forge.asn1.Asn1;

export const sequence = (...items: Der[]): Der => asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, items);

export const set = (...items: Der[]): Der => asn1.create(Class.UNIVERSAL, Type.SET, true, items);

export const oid = (dotted: string): Der => primitive(Type.OID, asn1.oidToDer(dotted).getBytes());

/** An integer from its two's complement bytes, most significant first, without a redundant leading byte. */
export const integer = (bytes: Uint8Array): Der => primitive(Type.INTEGER, binary(bytes));

export const trueValue = (): Der => primitive(Type.BOOLEAN, "\xff");

export const utf8 = (text: string): Der => primitive(Type.UTF8, binary(Buffer.from(text, "utf8")));

export const octets = (bytes: Uint8Array): Der => primitive(Type.OCTETSTRING, binary(bytes));

/** A bit string; `unused` is how many low bits of its last byte do not count. */
export const bits = (bytes: Uint8Array, unused = 0): Der =>
  primitive(Type.BITSTRING, String.fromCharCode(unused) + binary(bytes));

/** forge types the number of a context-specific tag as the universal type that has the same number. */
const contextTags = { 0: Type.NONE, 2: Type.INTEGER, 3: Type.BITSTRING, 7: Type.ODESC } as const;

type ContextTag = keyof typeof contextTags;

/** `[tag] IMPLICIT` over a string of bytes. */
export const tagged = (tag: ContextTag, bytes: Uint8Array): Der =>
  asn1.create(Class.CONTEXT_SPECIFIC, contextTags[tag], false, binary(bytes));

/** `[tag] EXPLICIT`. */
export const explicit = (tag: ContextTag, item: Der): Der =>
  asn1.create(Class.CONTEXT_SPECIFIC, contextTags[tag], true, [item]);

/**
 * A moment, cut to whole seconds: UTCTime through 2049, GeneralizedTime from 2050 on (RFC 5280 section 4.1.2.5).
 * @param moment milliseconds since the epoch
 */
export function time(moment: number): Der {
  const date = new Date(moment);
  return date.getUTCFullYear() < 2050
    ? primitive(Type.UTCTIME, asn1.dateToUtcTime(date))
    : primitive(Type.GENERALIZEDTIME, asn1.dateToGeneralizedTime(date));
}

export const encode = (der: Der): Buffer => Buffer.from(asn1.toDer(der).getBytes(), "latin1");

/** Strict, and all of the bytes. What a bit string holds may come out parsed; encoded again it is the same. */
export const decode = (bytes: Uint8Array): Der => asn1.fromDer(binary(bytes), true);

/** The items of a sequence or set; none for a primitive. */
export const items = (der: Der | undefined): readonly Der[] =>
  der !== undefined && typeof der.value !== "string" ? der.value : [];

/** The content of a primitive; empty for a sequence or set. */
export const content = (der: Der | undefined): Buffer =>
  Buffer.from(der !== undefined && typeof der.value === "string" ? der.value : "", "latin1");

function primitive(type: forge.asn1.Type, bytes: string): Der {
  return asn1.create(Class.UNIVERSAL, type, false, bytes);
}

function binary(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}
