import { createHash } from "node:crypto";
import type { Access, Command, Facts, Mask, MaskingOutcome } from "@gatehouse/core";
import type { ApiDecoder } from "./api/decoder.ts";
import { hideParameters } from "./facts/parameters.ts";
import { type Request, type RequestFacts, requestFacts } from "./facts/request-facts.ts";
import { shownBody } from "./facts/shown-body.ts";
import { type RequestForm, requestForm } from "./masking/request-form.ts";
import type { RequestTarget } from "./path.ts";
import { prefersAsync } from "./prefer.ts";
import type { Route } from "./route.ts";

/** Characters of a request's text that the audit log and people are shown. */
const SHOWN = 8 * 1024;

/** What a target's config says of its requests. */
export interface RequestTerms {
  readonly routes: readonly Route[];
  /** Parameters of queries and forms, and members of JSON, whose values are shown to nobody; names in small letters. */
  readonly secret: ReadonlySet<string>;
  /** Absent where it is no API of a kind that is known. */
  readonly api?: ApiDecoder;
}

/** One request. */
export class HttpCommand implements Command {
  readonly protocol = "http";
  readonly kind = "request";
  readonly verbs: readonly string[];
  readonly access: Access;
  readonly resources: readonly string[];
  readonly text: string;
  readonly parameters: readonly string[] = [];
  readonly facts: Facts;
  readonly detached: boolean;
  /** What its body was understood to be. */
  readonly body: RequestFacts["body"];
  /** Absent where its body is not known to the end: what can't be told from another can't wait for its approval. */
  readonly fingerprint?: () => string;
  readonly #form: RequestForm | undefined;

  /** @throws Malformed */
  constructor(request: Request, { routes, secret, api }: RequestTerms) {
    const { head } = request;
    const { access, resource, facts, body } = withApi(requestFacts(request, routes), request, api);
    this.verbs = [head.method];
    this.access = access;
    this.resources = [resource];
    this.facts = facts;
    this.detached = prefersAsync(request.fields);
    this.body = body;
    this.#form = requestForm(request.fields, request.body, body.kind);
    this.text = textOf(request, this, secret);
    const { body: bytes } = request;
    if (bytes !== undefined) this.fingerprint = () => fingerprintOf(request, bytes);
  }

  mask(masks: readonly Mask[]): MaskingOutcome {
    // Columns are for protocols that have some.
    const hiding = masks.filter(({ fields = [], detect }) => fields.length + detect.length > 0);
    const refusing = hiding.find((mask) => mask.requests !== undefined && !this.#canBeLookedInto(mask));
    if (refusing) return unmaskable(refusing);
    const applied = hiding
      .filter(({ requests }) => requests === undefined || this.body.kind !== "none")
      .map(({ rule, fields = [], detect }) => ({ rule, hides: [...fields, ...detect] }));
    return { ok: true, applied };
  }

  /** Whether all that a mask of requests would hide in its body can be found. Of an answer, that is not known before it comes. */
  #canBeLookedInto({ fields = [] }: Mask): boolean {
    if (this.#form === "none" || this.#form === "json") return true;
    return fields.length === 0 && this.#form !== undefined;
  }
}

function unmaskable({ rule, fields = [] }: Mask): MaskingOutcome {
  const [what, where] =
    fields.length > 0
      ? ["JSON", 'http.contentType == "application/json"']
      : ["JSON, a form or text in UTF-8", "http.bodyKnown"];
  return {
    ok: false,
    message: `What this request has in its body can't be masked: it is not ${what}, or can't be looked into.`,
    hint: `Send it as ${what}, uncompressed, up to 1 MiB and with its length said first, or ask whoever keeps the policies for a rule whose mask leaves it out (\`when: ${where}\`).`,
    rule,
  };
}

/** What the decoder can't tell is unknown, and so is what was unknown before: it does not know what other methods a server takes. */
function withApi(read: RequestFacts, request: Request, api: ApiDecoder | undefined): RequestFacts {
  if (api === undefined) return read;
  const reading = api.decode(request, read.body);
  const access = read.access === "unknown" ? "unknown" : (reading?.access ?? "unknown");
  return { ...read, access, facts: { ...read.facts, ...reading?.facts, access } };
}

/** The request as people read it: its line, the type of its body, and the body where that is text. */
function textOf(
  { head, target, fields, body }: Request,
  { body: read }: Pick<HttpCommand, "body">,
  secret: ReadonlySet<string>,
): string {
  const line = `${head.method} ${shownTarget(target, secret)}`;
  const type = fields.all("content-type").join(", ");
  if (body?.length === 0) return shortened(line);
  const shown = body === undefined ? "(a body that was not read)" : shownBody(body, read, secret);
  return shortened([line, ...(type === "" ? [] : [`content-type: ${type}`]), "", shown].join("\n"));
}

function shownTarget({ path, query }: RequestTarget, secret: ReadonlySet<string>): string {
  return query === undefined ? path : `${path}?${hideParameters(query, secret)}`;
}

/** As much of it as the audit log and people are shown. */
export function shortened(text: string): string {
  return text.length > SHOWN ? `${text.slice(0, SHOWN).toWellFormed()}…` : text;
}

/** Over all of it that is sent on. Two requests of one path for two targets are told apart by their sessions. */
function fingerprintOf({ head, target, fields }: Request, body: Buffer): string {
  const digest = createHash("sha256").update(body).digest("hex");
  const lines = [...fields].map(({ lower, value }) => [lower, value]);
  return createHash("sha256")
    .update(JSON.stringify([head.method, target.path, target.query ?? null, lines, digest]))
    .digest("hex");
}
