import type { LeaseRecord } from "@gatehouse/credentials";
import { z } from "zod";

/** A LeaseRecord as the store has it: what is read is held against it, since it may be of an older or a damaged file. */
export const leaseSchema: z.ZodType<LeaseRecord> = z.object({
  kind: z.enum(["minted", "issued"]),
  target: z.string(),
  id: z.string(),
  level: z.string(),
  epoch: z.string(),
  state: z.enum(["intended", "ready", "leased", "revoking"]),
  addresses: z.array(z.string()),
  session: z.string().exactOptional(),
  subject: z.string().exactOptional(),
  why: z.enum(["released", "unused", "gone", "unknown"]).exactOptional(),
});
