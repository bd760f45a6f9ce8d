import { readFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { Agent, type RequestOptions, request } from "node:https";
import {
  type ApprovalBody,
  approvalSchema,
  type CertificateBody,
  certificateSchema,
  errorSchema,
  type GrantBody,
  type GrantsBody,
  grantSchema,
  grantsSchema,
  type PageBody,
  pageSchema,
  type SshBody,
  sshSchema,
} from "@gatehouse/api/bodies";
import { type ErrorCode, errorCodes, GatehouseError, messageOf, Secret } from "@gatehouse/core";
import type { ControlOptions } from "./approvals-options.ts";
import { type ServerEvent, serverEvents } from "./approvals-events.ts";
import { visible } from "./approvals-text.ts";
import { Misused } from "./output.ts";

/** Milliseconds for an answer to begin, and between two parts of it. */
const DEADLINE = 30_000;
/** Milliseconds without a sign of life after which an event stream is taken for dead: three are missing by then. */
const SILENCE = 50_000;
/** Bytes of one answer: a page of a hundred approvals is far below it. */
const MAX_ANSWER = 64 * 1024 * 1024;

interface SendOptions extends Pick<RequestOptions, "method" | "timeout"> {
  readonly headers: Readonly<Record<string, string>>;
}

interface Asked {
  readonly method?: "GET" | "POST";
  readonly body?: unknown;
}

/** The API of a control plane, as one person asks it. */
export class ControlPlaneClient {
  readonly #url: URL;
  readonly #token: Secret;
  readonly #agent: Agent;

  private constructor(url: URL, token: Secret, ca: string | undefined) {
    this.#url = url;
    this.#token = token;
    this.#agent = new Agent({ keepAlive: true, minVersion: "TLSv1.2", ...(ca === undefined ? {} : { ca }) });
  }

  /** @throws Misused where there is no token; Error where a file can't be read */
  static async open({ url, tokenFile, ca }: ControlOptions): Promise<ControlPlaneClient> {
    const bundle = ca === undefined ? undefined : await readFile(ca, "utf8");
    return new ControlPlaneClient(url, await readToken(tokenFile), bundle);
  }

  async list(query: {
    readonly state?: string;
    readonly before?: string;
    readonly limit: number;
  }): Promise<PageBody> {
    const search = new URLSearchParams({ limit: String(query.limit) });
    if (query.state !== undefined) search.set("state", query.state);
    if (query.before !== undefined) search.set("before", query.before);
    return pageSchema.parse(await this.#json(`v1/approvals?${search.toString()}`));
  }

  async show(id: string): Promise<ApprovalBody> {
    return approvalSchema.parse(await this.#json(`v1/approvals/${id}`));
  }

  async answer(id: string, answer: "approve" | "deny", reason: string | undefined): Promise<ApprovalBody> {
    const body = reason === undefined ? {} : { reason };
    return approvalSchema.parse(await this.#json(`v1/approvals/${id}/${answer}`, { method: "POST", body }));
  }

  async request(asked: {
    readonly target: string;
    readonly level: string;
    /** Seconds. */
    readonly for?: number;
    readonly reason?: string;
  }): Promise<ApprovalBody> {
    return approvalSchema.parse(await this.#json("v1/requests", { method: "POST", body: asked }));
  }

  async grants(): Promise<GrantsBody> {
    return grantsSchema.parse(await this.#json("v1/grants"));
  }

  async grant(id: string): Promise<GrantBody> {
    return grantSchema.parse(await this.#json(`v1/grants/${id}`));
  }

  async revoke(id: string, reason: string | undefined): Promise<GrantBody> {
    const body = reason === undefined ? {} : { reason };
    return grantSchema.parse(await this.#json(`v1/grants/${id}/revoke`, { method: "POST", body }));
  }

  /** What whoever comes by SSH needs to know. */
  async ssh(): Promise<SshBody> {
    return sshSchema.parse(await this.#json("v1/ssh"));
  }

  async certify(asked: {
    /** As a `.pub` file has it. */
    readonly publicKey: string;
    /** Seconds. */
    readonly lifetime?: number;
  }): Promise<CertificateBody> {
    return certificateSchema.parse(await this.#json("v1/ssh/certificates", { method: "POST", body: asked }));
  }

  /**
   * The changes, until the stream ends. When it resolves, every later change will come.
   * @param after the id of the last one that is known
   */
  async events(after: string | undefined): Promise<AsyncIterable<ServerEvent>> {
    const headers = after === undefined ? {} : { "last-event-id": after };
    const response = await this.#send("v1/approvals/events", { headers, timeout: SILENCE });
    if (response.statusCode !== 200) throw failureOf(response, await bounded(response));
    return serverEvents(response);
  }

  close(): void {
    this.#agent.destroy();
  }

  async #json(path: string, { method = "GET", body }: Asked = {}): Promise<unknown> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = text === undefined ? {} : { "content-type": "application/json" };
    const response = await this.#send(path, { method, headers, timeout: DEADLINE }, text);
    const answer = await bounded(response);
    if (response.statusCode !== 200) throw failureOf(response, answer);
    return parse(answer);
  }

  /** No redirect is followed: the token is for this control plane alone. */
  #send(path: string, options: SendOptions, body = ""): Promise<IncomingMessage> {
    const url = new URL(path, this.#url.href.endsWith("/") ? this.#url : `${this.#url.href}/`);
    const headers = { ...options.headers, authorization: `Bearer ${this.#token.reveal()}` };
    return new Promise((resolve, reject) => {
      const sent = request(url, { ...options, agent: this.#agent, headers }, resolve);
      sent.on("timeout", () => sent.destroy(new Error("nothing came in time")));
      sent.on("error", (cause) => reject(this.#unreachable(cause)));
      sent.end(body);
    });
  }

  #unreachable(cause: Error): GatehouseError {
    return new GatehouseError(
      "CONTROL_UNREACHABLE",
      `The control plane at ${this.#url.href} can't be asked: ${messageOf(cause)}.`,
      { cause, hint: "GATEHOUSE_URL says where it is, and GATEHOUSE_CA whose certificates are trusted." },
    );
  }
}

/** Asks a control plane, and lets go of it. */
export async function withClient(
  options: ControlOptions,
  use: (client: ControlPlaneClient) => Promise<void>,
): Promise<void> {
  const client = await ControlPlaneClient.open(options);
  try {
    await use(client);
  } finally {
    client.close();
  }
}

/** A token is no argument: everybody on the machine sees those. */
async function readToken(file: string | undefined): Promise<Secret> {
  const text = file === undefined ? process.env["GATEHOUSE_TOKEN"] : await readFile(file, "utf8");
  const token = text?.trim() ?? "";
  const where = file ?? "GATEHOUSE_TOKEN";
  if (token === "") {
    const message = file === undefined ? "GATEHOUSE_TOKEN is not set" : `${file} is empty`;
    throw new Misused(`${message}: it has to hold an access token of your identity provider.`);
  }
  // Nothing of it is shown: with a wrong file it may be another secret.
  if (!/^[\x21-\x7e]+$/.test(token)) throw new Misused(`What ${where} holds is not an access token.`);
  return new Secret(token);
}

async function bounded(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_ANSWER) throw noApi("its answer is too long");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw noApi("its answer is no JSON");
  }
}

function failureOf({ statusCode }: IncomingMessage, text: string): GatehouseError {
  const parsed = errorSchema.safeParse(parse(text));
  if (!parsed.success) return noApi(`it answers with status ${statusCode ?? "-"}`);
  const { code, message, hint, reference } = parsed.data.error;
  const told = safe(reference === undefined ? message : `${message} (${reference})`);
  const next = hint === undefined ? (isKnown(code) ? HINTS[code] : undefined) : safe(hint);
  const options = next === undefined ? {} : { hint: next };
  return isKnown(code)
    ? new GatehouseError(code, told, options)
    : new GatehouseError("CONTROL_UNREACHABLE", `${safe(code)}: ${told}`, options);
}

/** It is printed as an error. */
function safe(text: string): string {
  return visible(text, process.stderr);
}

function isKnown(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code);
}

/** What to do, where the control plane leaves that to whoever has asked. */
const HINTS: Partial<Record<ErrorCode, string>> = {
  APPROVAL_ENDED: "`gatehouse approvals show ID` says how.",
  APPROVAL_REASON: "Say why with --reason.",
  APPROVAL_UNKNOWN: "`gatehouse approvals` lists those that you may see.",
  AUDIT_FAILED: "Nothing has changed. Whoever runs the gateway finds more in its log.",
  GRANT_ENDED: "`gatehouse grants show ID` says how.",
  GRANT_NOT_NEEDED: "Log in: nobody has to be asked.",
  GRANT_UNKNOWN: "`gatehouse grants` lists those that you may see.",
  IDENTITY_AUDIENCE: "The token has to be issued for Gatehouse.",
  IDENTITY_EXPIRED: "Get a new token from your identity provider, and set GATEHOUSE_TOKEN to it.",
  IDENTITY_INVALID: "Get a new token from your identity provider, and set GATEHOUSE_TOKEN to it.",
  IDENTITY_UNAVAILABLE: "Try again: the gateway can't reach the identity provider at the moment.",
  STORE_FAILED: "Nothing has changed. Whoever runs the gateway finds more in its log.",
};

function noApi(why: string): GatehouseError {
  return new GatehouseError("CONTROL_UNREACHABLE", `This is not a control plane that I know: ${why}.`, {
    hint: "GATEHOUSE_URL says where the control plane is.",
  });
}
