import type { Grant } from "@gatehouse/core";
import { z } from "zod";
import { hold, person } from "./approval-schema.ts";

/** A Grant as the store has it, held against what is read as an Approval is. */
export const grantSchema: z.ZodType<Grant> = z.object({
  id: z.string(),
  identity: person,
  target: z.string(),
  level: z.string(),
  from: z.number(),
  until: z.number(),
  holds: z.tuple([hold], hold),
  approval: z.string(),
  by: z.array(person),
  reason: z.string().exactOptional(),
  revoked: z.object({ by: person, at: z.number(), reason: z.string().exactOptional() }).exactOptional(),
});
