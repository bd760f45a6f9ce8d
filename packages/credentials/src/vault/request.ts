import { readFile } from "node:fs/promises";
import { request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { GatehouseError, messageOf, type Secret, type VaultSettings } from "@gatehouse/core";

/** Of one answer: a secret has 64 KiB at the most, and one of KV 2 may have others beside it. */
const MAX_ANSWER_BYTES = 512 * 1024;

export interface VaultQuestion {
  readonly method: "GET" | "PUT" | "POST";
  /** Without `/v1/`. */
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

/** The engine's refusal of a question: its status says whether it is worth asking again. */
export class VaultRefusal extends GatehouseError {
  readonly status: number;
  /** What the engine says itself. It may quote what it was sent: for comparing, and never printed. */
  readonly #errors: readonly string[];

  constructor(asked: string, status: number, errors: readonly string[]) {
    super(
      "VAULT_FAILED",
      `The secrets engine answered with status ${status} to ${asked}; what needed it was not done.`,
      { hint: hintOf(status) },
    );
    this.status = status;
    this.#errors = errors;
  }

  /** Whether the engine says so. */
  says(words: RegExp): boolean {
    return this.#errors.some((error) => words.test(error));
  }
}

/**
 * Asks once, over a connection of its own: CA bundle and token are those of this moment. No redirect is followed, since it
 * could take the token to a host that nobody configured.
 * @param deadline for all of it, in milliseconds
 * @returns the answer's JSON; undefined where it has no body
 * @throws VaultRefusal for any status but 2xx; GatehouseError VAULT_FAILED where there is no answer, none within the
 * deadline, or none that is JSON; with the path, and nothing of token and answer
 */
export async function askVault(
  settings: VaultSettings,
  token: Secret,
  { method, path, body }: VaultQuestion,
  deadline: number,
): Promise<unknown> {
  const asked = `${method} ${path}`;
  const url = new URL(`${settings.address}/v1/${path.split("/").map(encodeURIComponent).join("/")}`);
  const signal = AbortSignal.timeout(deadline);
  const options: RequestOptions = {
    method,
    agent: false,
    // Else a name that leads to nothing, or a server that says nothing, would be waited for without an end.
    signal,
    headers: {
      accept: "application/json",
      "user-agent": "gatehouse",
      "x-vault-token": token.reveal(),
      // An agent that stands between may ask for it, so that nobody's browser can be made to speak to it.
      "x-vault-request": "true",
      ...(settings.namespace === undefined ? {} : { "x-vault-namespace": settings.namespace }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
  };
  const tls = { minVersion: "TLSv1.2" as const, ...(await authorities(settings.ca)) };
  let answer: Answer;
  try {
    answer = await exchange(
      (take) =>
        url.protocol === "https:"
          ? httpsRequest(url, { ...options, ...tls }, take)
          : httpRequest(url, options, take),
      body === undefined ? undefined : JSON.stringify(body),
    );
  } catch (error) {
    throw failed(`did not answer to ${asked}: ${signal.aborted ? "its time was up" : reasonOf(error)}`);
  }
  try {
    const json = parse(answer.bytes);
    if (answer.status >= 200 && answer.status < 300) {
      if (json === NO_JSON) throw failed(`did not answer with JSON to ${asked}`);
      return json;
    }
    throw new VaultRefusal(asked, answer.status, errorsOf(json));
  } finally {
    answer.bytes.fill(0);
  }
}

interface Answer {
  readonly status: number;
  readonly bytes: Buffer;
}

function exchange(
  begin: (take: (response: IncomingMessage) => void) => ReturnType<typeof httpRequest>,
  body: string | undefined,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const fail = (error: Error) => {
      for (const chunk of chunks) chunk.fill(0);
      reject(error);
    };
    const request = begin((response) => {
      let size = 0;
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size <= MAX_ANSWER_BYTES) return;
        fail(new Error(`its answer is larger than ${MAX_ANSWER_BYTES / 1024} KiB`));
        request.destroy();
      });
      response.on("error", fail);
      response.on("end", () => {
        const bytes = Buffer.concat(chunks);
        for (const chunk of chunks) chunk.fill(0);
        resolve({ status: response.statusCode ?? 0, bytes });
      });
    });
    request.on("error", fail);
    request.end(body);
  });
}

async function authorities(path: string | undefined): Promise<{ readonly ca?: Buffer }> {
  if (path === undefined) return {};
  try {
    return { ca: await readFile(path) };
  } catch (error) {
    throw failed(`was not asked: its CA file ${path} can't be read (${reasonOf(error)})`);
  }
}

const NO_JSON = Symbol("no JSON");

function parse(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    // The parser's own message quotes the text, which may be the secret.
    return NO_JSON;
  }
}

/** `{ "errors": ["permission denied"] }` */
function errorsOf(json: unknown): readonly string[] {
  const errors: unknown = typeof json === "object" && json !== null && "errors" in json ? json.errors : [];
  return Array.isArray(errors) ? errors.filter((error) => typeof error === "string") : [];
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return messageOf(error);
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}

/** Without a cause: what undoes a connection may hold headers, and so the token. */
export function failed(what: string): GatehouseError {
  return new GatehouseError("VAULT_FAILED", `The secrets engine ${what}; what needed it was not done.`, {
    hint: "Check `vault` in the config, and whether the engine is up and unsealed.",
  });
}

function hintOf(status: number): string {
  if (status >= 300 && status < 400) return "Give `vault.address` the address that it leads to.";
  switch (status) {
    case 400:
      return "The engine's own log says what it did not like.";
    case 403:
      return "The token has ended, or the engine's policies do not give it this path.";
    case 404:
      return "There is nothing by this path, or its latest version was deleted.";
    case 429:
    case 472:
    case 473:
      return "This node is on standby, or is asked too much: give `vault.address` that of the active one.";
    case 503:
      return "The engine is sealed or in maintenance: unseal it.";
    default:
      return "The engine's own log says what went wrong.";
  }
}
