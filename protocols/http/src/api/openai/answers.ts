import type { FactValue } from "@gatehouse/core";
import type { Piece } from "../decoder.ts";
import { isList, isObject, type JsonObject } from "../reading.ts";
import { indexOf, piecesIn } from "../texts.ts";

/** Probabilities of tokens have the tokens in them; a voice says what the transcript says. */
export const repeats = [
  "$..logprobs",
  "$.choices[*].delta.audio.data",
  "$.choices[*].message.audio.data",
] as const;

/** Of chat completions and completions, the texts of each choice; of responses, those of each part of the output. */
export function pieces(event: FactValue): readonly Piece[] {
  if (!isObject(event)) return [];
  const { choices, type, delta } = event;
  if (isList(choices)) return choices.flatMap(ofChoice);
  return typeof type === "string" ? piecesIn(delta, ["delta"], partOf(type, event)) : [];
}

function ofChoice(choice: FactValue, at: number): readonly Piece[] {
  if (!isObject(choice)) return [];
  const text = `${indexOf(choice, at)}`;
  return [
    ...piecesIn(choice["delta"], ["choices", at, "delta"], text),
    ...piecesIn(choice["text"], ["choices", at, "text"], `${text}/text`),
  ];
}

/** A choice's last chunk has a reason; of a response, each part has an event that says that it is done. */
export function ended(event: FactValue): readonly string[] {
  if (!isObject(event)) return [];
  const { choices, type } = event;
  if (isList(choices)) {
    return choices.flatMap((choice, at) =>
      isObject(choice) && choice["finish_reason"] ? [`${indexOf(choice, at)}/`] : [],
    );
  }
  if (typeof type !== "string" || !type.endsWith(".done")) return [];
  return [partOf(type.replace(/done$/, "delta"), event)];
}

/** The item's id is not asked where its place is said: there are servers that give each event another one. */
function partOf(type: string, event: JsonObject): string {
  const item = event["output_index"] ?? event["item_id"];
  const part = event["content_index"] ?? event["summary_index"] ?? event["command_index"];
  return JSON.stringify([type, item ?? null, part ?? null]);
}

/** Of an answer, of the chunk that has them (`stream_options.include_usage`), or of the event of a response's end. */
export function usage(answer: FactValue): number | undefined {
  if (!isObject(answer)) return undefined;
  const { usage: own, response } = answer;
  const said = isObject(own) ? own : isObject(response) ? response["usage"] : undefined;
  if (!isObject(said)) return undefined;
  const { total_tokens: total } = said;
  return typeof total === "number" && total >= 0 ? total : undefined;
}
