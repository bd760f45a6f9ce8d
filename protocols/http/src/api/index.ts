import { anthropic } from "./anthropic/index.ts";
import type { ApiDecoder } from "./decoder.ts";
import { openai } from "./openai/index.ts";

/** The kinds of API that are known, as a target's `api` names them. Another one is a folder beside these, and a name here. */
export const apiNames = ["openai", "anthropic"] as const;

export const apis: Readonly<Record<(typeof apiNames)[number], ApiDecoder>> = { openai, anthropic };
