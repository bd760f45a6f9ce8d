import { ByteReader, ByteWriter } from "@gatehouse/wire";

/* Values of array types, element by element. */

/**
 * An array in text form ("Array Input and Output Syntax"), with each element that is not NULL in another's place.
 * @param each undefined is NULL
 * @returns undefined where it is no array
 */
export function mapArrayText(
  text: string,
  each: (element: string) => string | undefined,
): string | undefined {
  let at = 0;
  // '[0:2]={...}': the bounds stay.
  const bounds = /^(\[-?\d+:-?\d+\])+=/.exec(text)?.[0] ?? "";
  at += bounds.length;
  let out = bounds;
  let depth = 0;
  if (text[at] !== "{") return undefined;
  while (at < text.length) {
    const character = text[at];
    if (character === "{") depth++;
    else if (character === "}") depth--;
    if (character === "{" || character === "}" || character === ",") {
      out += character;
      at++;
      continue;
    }
    if (depth < 1) return undefined;
    let element = "";
    if (character === '"') {
      let end = at + 1;
      for (; end < text.length && text[end] !== '"'; end++) {
        if (text[end] === "\\") end++;
        element += text[end] ?? "";
      }
      at = end + 1;
    } else {
      let end = at;
      while (end < text.length && !/[{},]/.test(text[end] ?? "")) end++;
      element = text.slice(at, end);
      at = end;
      if (element.toUpperCase() === "NULL") {
        out += element;
        continue;
      }
    }
    const masked = each(element);
    out += masked === undefined ? "NULL" : quotedElement(masked);
  }
  return depth === 0 ? out : undefined;
}

export function quotedElement(element: string): string {
  const plain = element !== "" && !/[\s{},"\\]/.test(element) && element.toUpperCase() !== "NULL";
  return plain ? element : `"${element.replace(/["\\]/g, "\\$&")}"`;
}

/*
 * An array in binary form (array_send): Int32 number of dimensions, Int32 whether there are NULLs, Int32 object id of
 * the elements' type, for each dimension Int32 length and Int32 lower bound; and for each element Int32 length (-1 for
 * NULL) and its bytes.
 */
const NULLS = 4;

/** As mapArrayText. @throws GatehouseError PROTOCOL_VIOLATION where it is no array */
export function mapArrayBinary(value: Buffer, each: (element: Buffer) => Buffer | undefined): Buffer {
  const reader = new ByteReader(value);
  const dimensions = reader.int32();
  let nulls = reader.int32();
  reader.uint32();
  reader.bytes(dimensions * 8);
  const writer = new ByteWriter(value.length).bytes(value.subarray(0, value.length - reader.remaining));
  while (reader.remaining > 0) {
    const length = reader.int32();
    const masked = length === -1 ? undefined : each(reader.bytes(length));
    if (masked === undefined) nulls = 1;
    writer.int32(masked?.length ?? -1).bytes(masked ?? Buffer.alloc(0));
  }
  return writer.setInt32(NULLS, nulls).toBuffer();
}

/** An array of one element. */
export function arrayBinary(type: number, element: Buffer): Buffer {
  return new ByteWriter()
    .int32(1)
    .int32(0)
    .uint32(type)
    .int32(1)
    .int32(1)
    .int32(element.length)
    .bytes(element)
    .toBuffer();
}
