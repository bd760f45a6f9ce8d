import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { text } from "node:stream/consumers";
import type { Demo } from "./environment.ts";

/** What is asked of the demo's API, or its model, by whom. */
export interface Call {
  readonly target?: "api" | "model";
  readonly method?: string;
  /** The path at the API: `/v1/orders`. */
  readonly path: string;
  /** What stands behind `Authorization: Bearer`; nothing is sent without it. */
  readonly token?: string;
  /** Sent as JSON. */
  readonly json?: unknown;
}

export interface Answered {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Asks by the gateway, which is all that a client changes: the base URL. */
export function callHttp(demo: Demo, call: Call): Promise<Answered> {
  const { target = "api" } = call;
  return ask(demo, `${demo.variables["GATEHOUSE_HTTP_URL"] ?? ""}/${target}`, call);
}

/** Asks the API itself, past the gateway. */
export function callStraight(demo: Demo, call: Call): Promise<Answered> {
  return ask(demo, `https://localhost:${demo.api.port}`, call);
}

async function ask(
  { variables }: Demo,
  base: string,
  { method = "GET", path, token, json }: Call,
): Promise<Answered> {
  const asking = request(`${base}${path}`, {
    method,
    ca: await readFile(variables["GATEHOUSE_CA"] ?? "", "utf8"),
    agent: false,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(json === undefined ? {} : { "content-type": "application/json" }),
    },
  });
  asking.end(json === undefined ? undefined : JSON.stringify(json));
  const [response] = (await once(asking, "response")) as [IncomingMessage];
  const type = response.headers["content-type"] ?? "";
  return { status: response.statusCode ?? 0, type, body: await text(response) };
}
