import type { FactValue } from "@gatehouse/core";
import type { Piece } from "../decoder.ts";
import { isObject } from "../reading.ts";
import { piecesIn } from "../texts.ts";

/** The texts of each content block: what it begins with, and what is added to it. */
export function pieces(event: FactValue): readonly Piece[] {
  if (!isObject(event)) return [];
  const { type, index } = event;
  const text = `${typeof index === "number" ? index : 0}`;
  if (type === "content_block_delta") return piecesIn(event["delta"], ["delta"], text);
  return type === "content_block_start" ? beginnings(event["content_block"], text) : [];
}

export function ended(event: FactValue): readonly string[] {
  if (!isObject(event) || event["type"] !== "content_block_stop") return [];
  const { index } = event;
  return [`${typeof index === "number" ? index : 0}/`];
}

/** Of a block that has a result in it, that is all there, and goes on nowhere. */
function beginnings(block: FactValue | undefined, text: string): readonly Piece[] {
  if (!isObject(block)) return [];
  return ["text", "thinking"].flatMap((name) =>
    piecesIn(block[name], ["content_block", name], `${text}/${name}`),
  );
}

const COUNTS = [
  ...["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens"],
] as const;

/** A stream says it in its first event, and again with all of it near its end. */
export function usage(answer: FactValue): number | undefined {
  if (!isObject(answer)) return undefined;
  const { usage: own, message } = answer;
  const said = isObject(own) ? own : isObject(message) ? message["usage"] : undefined;
  if (!isObject(said)) return undefined;
  const counts = COUNTS.map((name) => said[name]).filter((count) => typeof count === "number");
  return counts.length === 0 || counts.some((count) => count < 0)
    ? undefined
    : counts.reduce((sum, count) => sum + count, 0);
}
