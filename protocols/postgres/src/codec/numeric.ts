/*
 * numeric, in binary (numeric_send): Int16 number of digits, Int16 weight of the first, Int16 sign, Int16 digits behind
 * the point that are shown, and the digits, each an Int16 to base 10,000.
 */
const NEGATIVE = 0x4000;

/** @param text digits, with a sign and a point perhaps: `-12.50` */
export function encodeNumeric(text: string): Buffer {
  const negative = text.startsWith("-");
  const [whole = "", behind = ""] = text.slice(negative ? 1 : 0).split(".");
  const groups = [
    ...grouped(whole.padStart(Math.ceil(whole.length / 4) * 4, "0")),
    ...grouped(behind.padEnd(Math.ceil(behind.length / 4) * 4, "0")),
  ];
  let weight = Math.ceil(whole.length / 4) - 1;
  while (groups[0] === 0) {
    groups.shift();
    weight--;
  }
  while (groups.at(-1) === 0) groups.pop();
  if (groups.length === 0) weight = 0;
  const bytes = Buffer.alloc(8 + 2 * groups.length);
  bytes.writeUInt16BE(groups.length, 0);
  bytes.writeInt16BE(weight, 2);
  bytes.writeUInt16BE(negative && groups.length > 0 ? NEGATIVE : 0, 4);
  bytes.writeUInt16BE(behind.length, 6);
  for (const [index, group] of groups.entries()) bytes.writeUInt16BE(group, 8 + 2 * index);
  return bytes;
}

function grouped(digits: string): number[] {
  return Array.from(digits.match(/.{4}/g) ?? [], Number);
}
