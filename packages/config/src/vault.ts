import { filePath, secretReference } from "@gatehouse/documents";
import { z } from "zod";
import type { Reading } from "./target-schema.ts";
import { publicUrl } from "./urls.ts";

/** The secrets engine: where it is, and by what the gateway proves itself to it. */
export function vault(reading: Reading) {
  const { folder, development } = reading;
  return z.strictObject({
    address: publicUrl(reading)
      .meta(development ? {} : { pattern: "^https://" })
      .describe("Its URL, such as https://vault.example.com:8200"),
    ca: filePath(folder)
      .exactOptional()
      .describe("The authorities of its certificate, where they are not public (PEM)"),
    token: secretReference(folder, { literals: development, vault: false }).describe(
      "A reference to the gateway's token, looked up at each use: an agent may renew it in its file",
    ),
    namespace: z
      .string()
      .regex(/^[A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)*\/?$/, "expected a namespace, such as data or platform/data")
      .exactOptional()
      .describe("The namespace that the token is of"),
  });
}
