import type { ModelShape } from "./shape.ts";

/** Each a number that a float of 32 bits holds, so that it is the same in both forms. */
const VECTOR = [0.25, -0.5, 1];

/** OpenAI's `POST /v1/embeddings`; the vectors are all the same. */
export const embeddings: ModelShape = {
  whole: ({ model, input, encoding_format }) => ({
    object: "list",
    model,
    data: (Array.isArray(input) ? input : [input]).map((_, index) => ({
      object: "embedding",
      index,
      embedding:
        encoding_format === "base64"
          ? Buffer.from(new Float32Array(VECTOR).buffer).toString("base64")
          : VECTOR,
    })),
    usage: { prompt_tokens: 1, total_tokens: 1 },
  }),
};
