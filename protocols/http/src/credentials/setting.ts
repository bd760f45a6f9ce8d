import { httpsComplaint } from "@gatehouse/documents";
import { z } from "zod";
import { canonicalName, isHopByHop, isProxysWord } from "../field-names.ts";

/** How a target takes the credential that the gateway has for it. */
export type InjectSetting =
  | "none"
  | "bearer"
  | "basic"
  | { readonly header: string; readonly prefix?: string }
  | { readonly query: string }
  | { readonly oauth: OauthSetting };

/** OAuth 2 client credentials (RFC 6749, section 4.4): the credential's user is the client, its password the client's secret. */
export interface OauthSetting {
  readonly tokenUrl: string;
  readonly scope?: string;
  readonly audience?: string;
  /** Where the secret stands in the question: in its Authorization, or in its body. */
  readonly clientAuth: "basic" | "body";
  /** The absolute path of a CA bundle in place of the public authorities. */
  readonly ca?: string;
}

/** Fields that are the message's own: a credential in one of them would change how it is read. */
const NOT_FOR_CREDENTIALS = new Set(["host", "content-length", "content-type", "content-encoding", "cookie"]);

const headerName = z
  .string()
  .regex(/^[A-Za-z0-9-]{1,64}$/, "expected a header's name: letters, digits and -")
  .refine((name) => {
    const canonical = canonicalName(name.toLowerCase());
    return (
      (!isHopByHop(canonical) || canonical === "proxy-authorization") &&
      !isProxysWord(canonical) &&
      !NOT_FOR_CREDENTIALS.has(canonical)
    );
  }, "this header is not one for a credential");

const text = z.string().regex(/^[\x20-\x7e]{1,512}$/, "expected 1 to 512 printable characters");

/**
 * The key `inject` of a target.
 * @param filePath the schema of `file:PATH`, made for the config's folder
 */
export function injectSetting(filePath: z.ZodType<string>) {
  const oauth = z.strictObject({
    tokenUrl: z
      .string()
      .superRefine((url, context) => {
        const complaint = httpsComplaint(url, { development: false });
        if (complaint !== undefined) context.addIssue({ code: "custom", message: complaint });
      })
      .describe("Where the token is fetched."),
    scope: text.exactOptional().describe("What is asked for; names with spaces between them."),
    audience: text.exactOptional().describe("Whom the token is for, where the issuer wants to be told."),
    clientAuth: z
      .enum(["basic", "body"])
      .default("basic")
      .describe(
        "Where the issuer takes the client's secret: in the question's Authorization, or in its body.",
      ),
    ca: filePath.exactOptional().describe("A CA bundle for the issuer; the public authorities without it."),
  });
  return z
    .union([
      z.enum(["none", "bearer", "basic"]),
      z.strictObject({
        header: headerName.describe("The header that the credential stands in."),
        prefix: z
          .string()
          .regex(/^[\x21-\x7e][\x20-\x7e]{0,63}$/, "expected up to 64 printable characters")
          .exactOptional()
          .describe("What stands before it, with the blank behind it: `Token `."),
      }),
      z.strictObject({
        query: z
          .string()
          .regex(/^[A-Za-z0-9._-]{1,64}$/, "expected a parameter's name: letters, digits, ., _ and -")
          .describe("The parameter that the credential stands in. A header is better: URLs are logged."),
      }),
      z.strictObject({ oauth: oauth.describe("OAuth 2 client credentials.") }),
    ])
    .describe(
      "How the target takes the credential: `bearer`, `basic`, `{ header: NAME }`, `{ query: NAME }`, `{ oauth: ... }`; `none` where its certificate is all there is.",
    );
}

/** The field that the credential stands in, in small letters; undefined where it is in none. */
export function injectedField(setting: InjectSetting): string | undefined {
  if (setting === "none" || (typeof setting === "object" && "query" in setting)) return undefined;
  return typeof setting === "object" && "header" in setting ? setting.header.toLowerCase() : "authorization";
}

/** The query's parameter that the credential stands in. */
export function injectedParameter(setting: InjectSetting): string | undefined {
  return typeof setting === "object" && "query" in setting ? setting.query : undefined;
}
