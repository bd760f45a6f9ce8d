import type { ValueMasks } from "@gatehouse/core";
import type { ApiDecoder } from "../api/decoder.ts";
import type { AnswerSteps } from "./answer-mask.ts";
import { EventStreamMask } from "./event-stream.ts";
import { JsonMasks } from "./json-masks.ts";
import { JsonStream } from "./json-stream.ts";
import type { Restore } from "./restore.ts";

/**
 * @param api the target's, where it has one
 * @param restore puts back what was taken out of the request, where something was
 */
export function answerSteps(values: ValueMasks, api: ApiDecoder | undefined, restore?: Restore): AnswerSteps {
  return {
    json: (masks, texts, next) => new JsonStream(new JsonMasks(masks, values), texts, next),
    events: (masks, next) =>
      new EventStreamMask({ masks, values, api, after: restore?.stream, whole: restore?.whole }, next),
  };
}
