import { address, duration, name, secretReference } from "@gatehouse/documents";
import { z } from "zod";
import { upstreamTls } from "./upstream-tls.ts";

/** How a part of the file is read: relative to which folder, and with development's relaxations or without. */
export interface Reading {
  readonly folder: string;
  readonly development: boolean;
}

function credential({ folder, development }: Reading) {
  return z.strictObject({
    user: z
      .string()
      // A control character could end the name early in a protocol whose strings end at a zero byte.
      .regex(
        /^[ -~\u00a0-\uffff]{1,255}$/,
        "expected a user's name: 1 to 255 characters, no control characters",
      ),
    password: secretReference(folder, { literals: development }),
  });
}

/** The keys that every target has, whatever its protocol. */
export function targetSchema(reading: Reading, protocols: readonly string[]) {
  return z.strictObject({
    protocol: z.enum(protocols).describe("What the target speaks"),
    address: address().describe("Where the target is: host:port"),
    tls: upstreamTls(reading.folder)
      .prefault({})
      .describe("How the connection to the target is protected; `off` is plaintext"),
    connectTimeout: duration({ min: 100, max: 300_000 })
      .prefault("10s")
      .describe("How long the target may take to accept the gateway"),
    credential: credential(reading)
      .exactOptional()
      .describe("The target's own credential, for every level that has none"),
    levels: z
      .record(name(), z.strictObject({ credential: credential(reading).exactOptional() }))
      .refine((levels) => Object.keys(levels).length > 0, "expected at least one level")
      .describe("The ways in: what a client asks for, and the credential that the gateway uses for it"),
  });
}
