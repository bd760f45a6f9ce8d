import type { Refusal } from "@gatehouse/core";

/** All that a client is told of a refusal, as one text: libraries show no more of an error than its message. */
export function sentenceOf({ message, detail, hint, reference }: Refusal): string {
  const said = [message, detail, hint].filter((part) => part !== undefined);
  return `${said.join(" ")} (reference ${reference})`;
}
