import { secretReference } from "@gatehouse/documents";
import { z } from "zod";
import type { Reading } from "./target-schema.ts";

/** What a scope is made of (RFC 6749 section 3.3). */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/;

/** As which client the gateway has people sign in at a provider (RFC 8628). */
export function deviceClient({ folder, development }: Reading) {
  return z.strictObject({
    clientId: z
      .string()
      .regex(/^[ -~]{1,256}$/, "expected the client's id, as the provider has it")
      .describe("The client that the provider has for the gateway"),
    clientSecret: secretReference(folder, { literals: development })
      .exactOptional()
      .describe("Its secret, where it is not a public client"),
    scopes: z
      .array(z.string().regex(SCOPE, "expected a scope, such as openid"))
      .max(50)
      .default(["openid"])
      .describe("What is asked for"),
  });
}
