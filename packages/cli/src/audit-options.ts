import { type Head, parseHead } from "@gatehouse/audit";
import { InvalidArgumentError } from "commander";

export interface VerifyOptions {
  readonly head?: Head;
  readonly json: boolean;
}

/** Reads `--head SEQ:HASH`. @throws InvalidArgumentError */
export function headArgument(text: string): Head {
  const head = parseHead(text);
  if (!head) throw new InvalidArgumentError("Expected SEQ:HASH, as an earlier verify printed it.");
  return head;
}
