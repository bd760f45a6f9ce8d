import type { ValueMasks } from "@gatehouse/core";
import type { ApiDecoder } from "../api/decoder.ts";
import type { AnswerSteps } from "./answer-mask.ts";
import { EventStreamMask } from "./event-stream.ts";
import { JsonMasks } from "./json-masks.ts";
import { JsonStream } from "./json-stream.ts";

/** @param api the target's, where it has one */
export function answerSteps(values: ValueMasks, api: ApiDecoder | undefined): AnswerSteps {
  return {
    json: (masks, texts, next) => new JsonStream(new JsonMasks(masks, values), texts, next),
    events: (masks, next) => new EventStreamMask({ masks, values, api }, next),
  };
}
