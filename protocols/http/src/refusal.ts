import { STATUS_CODES } from "node:http";
import type { Refusal, RefusalKind } from "@gatehouse/core";
import type { ApiDecoder } from "./api/decoder.ts";

/** HTTP's own word for each kind of no (RFC 9110, section 15). */
const STATUS: Readonly<Record<RefusalKind, number>> = {
  plaintext: 400,
  credential: 401,
  target: 404,
  level: 403,
  policy: 403,
  protocol: 400,
  syntax: 400,
  unknown_name: 404,
  unknown_cursor: 404,
  unsupported: 501,
  encoding: 400,
  canceled: 409,
  too_large: 413,
  unavailable: 502,
  busy: 503,
  too_many: 429,
  expired: 401,
  revoked: 401,
  idle: 408,
  idle_in_transaction: 408,
  internal: 500,
};

const UPGRADE = [
  ["Upgrade", "websocket"],
  ["Connection", "upgrade"],
  ["Sec-WebSocket-Version", "13"],
] as const;

/** An answer of the gateway's own. */
export interface OwnAnswer {
  readonly status: number;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

export interface RefusalForm {
  /** The kind's own, when left out. */
  readonly status?: number;
  /** Whose form the refusal has; problem details, when left out. */
  readonly api?: Pick<ApiDecoder, "refusal"> | undefined;
}

/** A refusal as the target's API would say it, or else as problem details (RFC 9457). */
export function refusalAnswer(
  refusal: Refusal,
  { status = STATUS[refusal.kind], api }: RefusalForm = {},
): OwnAnswer {
  return {
    status,
    fields: [
      ["Content-Type", api ? "application/json" : "application/problem+json"],
      ["Cache-Control", "no-store"],
      ...(refusal.retryAfter === undefined ? [] : ([["Retry-After", String(refusal.retryAfter)]] as const)),
      // Section 11.6.1: a 401 has to say how one proves oneself.
      ...(status === 401 ? ([["WWW-Authenticate", 'Bearer realm="gatehouse"']] as const) : []),
      // Section 15.5.22, and RFC 6455, section 4.4: what is spoken here instead.
      ...(status === 426 ? UPGRADE : []),
    ],
    body: Buffer.from(
      `${JSON.stringify(api ? api.refusal(refusal, status) : problem(refusal, status))}\n`,
      "utf8",
    ),
  };
}

function problem({ kind, code, message, detail, hint, reference }: Refusal, status: number): object {
  return {
    type: "about:blank",
    title: STATUS_CODES[status] ?? "Refused",
    status,
    detail: detail === undefined ? message : `${message} ${detail}`,
    code: code ?? kind,
    ...(hint === undefined ? {} : { hint }),
    reference,
  };
}

/** The bytes of an answer of the gateway's own. @param bodyless it answers a HEAD */
export function encodeOwnAnswer(
  { status, fields, body }: OwnAnswer,
  { close, bodyless = false }: { readonly close: boolean; readonly bodyless?: boolean },
): Buffer {
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Refused"}`,
    ...fields.map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${body.length}`,
    ...(close ? ["Connection: close"] : []),
  ];
  const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
  return bodyless ? head : Buffer.concat([head, body]);
}
