import type { SettingsReader } from "@gatehouse/core";
import { duration, filePath, remembered, settingsReader } from "@gatehouse/documents";
import { z } from "zod";
import { apiNames, apis } from "./api/index.ts";
import type { ApiDecoder } from "./api/decoder.ts";
import type { RequestTerms } from "./commands.ts";
import { type Budget, budgetSetting } from "./budgets/setting.ts";
import { injectSetting } from "./credentials/setting.ts";
import type { HeadSettings } from "./outgoing.ts";
import { type Named, readNamed } from "./place.ts";
import { type Route, readRoute } from "./route.ts";

/** What a listener of this protocol has beside what all listeners have. */
export interface HttpListenerSettings {
  /** Targets, and levels, that have host names of their own; the names in small letters, without a port. */
  readonly hosts: ReadonlyMap<string, Named>;
}

/** What a target of this protocol has beside what all targets have. */
export interface HttpSettings extends HeadSettings {
  /** What the target is told that its host is called; its address, when left out. */
  readonly host?: string;
  /** What kind of API it is, where that is one that is known. */
  readonly api?: ApiDecoder;
  readonly routes: readonly Route[];
  /** Parameters and members of bodies whose values are shown to nobody; in small letters. */
  readonly secret: readonly string[];
  /** Whether HTTP/2 is spoken with a target that offers it; over TLS alone. */
  readonly http2: boolean;
  /** Milliseconds in which the target has to begin to answer. */
  readonly timeout: number;
  /** What one identity may use of it; nothing bounds what it does not name. */
  readonly budget: Budget;
}

/** What a level of such a target has beside what all levels have. */
export interface HttpLevelSettings {
  /** Whom its sessions are at the target, where that takes a name; the level's name where it is left out. */
  readonly user?: string;
}

const HOST = /^(?=.{1,253}$)[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;

const listener = remembered(
  settingsReader<HttpListenerSettings>(
    z.strictObject({
      hosts: z
        .record(
          z.string().regex(HOST, "expected a host name in small letters, without a port"),
          z.string().transform((written, context): Named => {
            const named = readNamed(written);
            if (named) return named;
            context.addIssue({ code: "custom", message: "expected TARGET, or LEVEL@TARGET" });
            return z.NEVER;
          }),
        )
        .default({})
        .transform((hosts) => new Map(Object.entries(hosts)))
        .describe(
          "Host names by which clients reach a target without its name in the path: TARGET, or LEVEL@TARGET.",
        ),
    }),
  ),
  "HTTP",
);

const target = remembered(
  settingsReader<HttpSettings>((folder: string) =>
    z.strictObject({
      host: z
        .string()
        .regex(
          /^[a-z0-9.-]{1,253}(:[0-9]{1,5})?$|^\[[0-9a-f:.]+\](:[0-9]{1,5})?$/,
          "expected a host, or host:port",
        )
        .exactOptional()
        .describe("The host that the target is asked for; its address unless it is said."),
      api: z
        .enum(apiNames)
        .transform((name) => apis[name])
        .exactOptional()
        .describe("What kind of API it is: its requests have facts of their own, and refusals its form."),
      inject: injectSetting(filePath(folder)).default("bearer"),
      cookies: z
        .enum(["none", "pass"])
        .default("none")
        .describe("`pass`: the target has cookies of its own for each client, which go both ways."),
      forwarded: z
        .boolean()
        .default(false)
        .describe("Whether the target is told where a request comes from (Forwarded, X-Forwarded-*)."),
      routes: z
        .array(
          z.string().transform((pattern, context): Route => {
            const route = readRoute(pattern);
            if (route) return route;
            context.addIssue({ code: "custom", message: "expected a route: /orders/{id}, /files/{path...}" });
            return z.NEVER;
          }),
        )
        .max(1000)
        .default([])
        .describe("Patterns of paths; the first that fits is the fact `http.route`."),
      secret: z
        .array(
          z
            .string()
            .regex(/^[!-~]{1,64}$/, "expected a parameter's name")
            .transform((name) => name.toLowerCase()),
        )
        .max(100)
        .default([])
        .describe("Parameters of queries and forms, and members of JSON, whose values nobody is shown."),
      http2: z
        .boolean()
        .default(true)
        .describe("Whether HTTP/2 is spoken with a target that offers it (over TLS)."),
      timeout: duration({ min: 1000, max: 3_600_000 })
        .prefault("10m")
        .describe("How long the target may take to begin to answer."),
      budget: budgetSetting(),
    }),
  ),
  "HTTP",
);

const level = remembered(
  settingsReader<HttpLevelSettings>(
    z.strictObject({
      user: z
        .string()
        .regex(/^[ -~]{1,255}$/, "expected a user's name")
        .exactOptional()
        .describe(
          "Whom the level's sessions are at the target (`inject: basic`, `oauth`); the level's name unless it is said.",
        ),
    }),
  ),
  "HTTP",
);

export const httpListenerSettings: SettingsReader = listener.reader;
export const httpSettings: SettingsReader = target.reader;
export const httpLevelSettings: SettingsReader = level.reader;

export const settingsOf = ({ settings }: { readonly settings: unknown }): HttpSettings =>
  target.recall(settings);
export const listenerSettingsOf = (settings: unknown): HttpListenerSettings => listener.recall(settings);
export const levelSettingsOf = (settings: unknown): HttpLevelSettings => level.recall(settings);

/** What a target's config says of its requests. */
export function termsOf(settings: HttpSettings): RequestTerms {
  const { routes, secret, api } = settings;
  const terms = known.get(settings) ?? { routes, secret: new Set(secret), ...(api && { api }) };
  known.set(settings, terms);
  return terms;
}

const known = new WeakMap<HttpSettings, RequestTerms>();
