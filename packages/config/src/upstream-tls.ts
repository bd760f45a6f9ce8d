import type { UpstreamTls } from "@gatehouse/core";
import { filePath } from "@gatehouse/documents";
import { z } from "zod";

/** How a target's connection is protected: checked against the system's authorities unless the file says more. */
export function upstreamTls(folder: string) {
  return z.union([z.literal("off").transform((mode): UpstreamTls => ({ mode })), tlsKeys(folder)]);
}

function tlsKeys(folder: string) {
  return z
    .strictObject({
      mode: z
        .enum(["verify-full", "verify-ca", "off"])
        .prefault("verify-full")
        .describe("verify-full checks authority and name, verify-ca the authority alone, off is plaintext"),
      ca: filePath(folder).exactOptional().describe("The authorities that are trusted (PEM)"),
      serverName: z
        .string()
        .regex(/^[A-Za-z0-9._-]{1,253}$/, "expected a host name")
        .exactOptional()
        .describe("The name that the certificate must have, where it is not the address's host"),
    })
    .transform(({ mode, ca, serverName }, context): UpstreamTls => {
      const refuse = (key: string, message: string) => {
        context.addIssue({ code: "custom", path: [key], message });
        return z.NEVER;
      };
      switch (mode) {
        case "verify-full":
          return {
            mode,
            ...(ca === undefined ? {} : { ca }),
            ...(serverName === undefined ? {} : { serverName }),
          };
        case "verify-ca":
          if (serverName !== undefined)
            return refuse("serverName", "`verify-ca` checks no name: use verify-full");
          if (ca === undefined) {
            return refuse("ca", '"ca" is missing: `verify-ca` needs the authorities that it trusts');
          }
          return { mode, ca };
        case "off":
          if (ca !== undefined) return refuse("ca", "`off` checks nothing: remove this, or use verify-full");
          if (serverName !== undefined) {
            return refuse("serverName", "`off` checks nothing: remove this, or use verify-full");
          }
          return { mode };
      }
    });
}
