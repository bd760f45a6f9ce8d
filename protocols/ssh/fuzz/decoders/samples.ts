import { generatePrivateKey } from "@gatehouse/openssh";
import { ByteWriter } from "@gatehouse/wire";
import { writeString } from "../../src/codec/strings.ts";

/** A key whose parts stand in many messages. */
export const key = generatePrivateKey("ssh-ed25519");

export function string(text: string): Buffer {
  return writeString(new ByteWriter(), text).toBuffer();
}

export function strings(...texts: readonly string[]): Buffer {
  return Buffer.concat(texts.map(string));
}

export function numbers(...values: readonly number[]): Buffer {
  const writer = new ByteWriter();
  for (const value of values) writer.uint32(value);
  return writer.toBuffer();
}
