import type { ValueMasks } from "@gatehouse/core";
import type { ApiDecoder } from "../api/decoder.ts";
import type { AnswerSteps } from "./answer-mask.ts";
import { EventStreamMask } from "./event-stream.ts";
import { JsonMasks } from "./json-masks.ts";
import { JsonStream } from "./json-stream.ts";
import type { Restore } from "./restore.ts";
import { withoutRepeats } from "./without-repeats.ts";

/**
 * @param api the target's, where it has one
 * @param restore puts back what was taken out of the request, where something was
 */
export function answerSteps(values: ValueMasks, api: ApiDecoder | undefined, restore?: Restore): AnswerSteps {
  return {
    json: (masks, texts, next) => {
      const hiding = new JsonMasks(masks, values);
      return api === undefined
        ? new JsonStream(hiding, texts, next)
        : new JsonStream(withoutRepeats(hiding, api.repeats), texts, next);
    },
    events: (masks, next) =>
      new EventStreamMask({ masks, values, api, after: restore?.stream, whole: restore?.whole }, next),
  };
}
