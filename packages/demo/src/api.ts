import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import { text } from "node:stream/consumers";
import { isSame } from "./secret.ts";

/** The demo's HTTP target: a small internal API, which knows one secret and nobody else. */
export interface DemoApi {
  readonly port: number;
  /** What it wants as `Authorization: Bearer`: the gateway's alone. */
  readonly secret: string;
  /** The requests that have come, in order, whether it took them or not. */
  readonly seen: readonly Seen[];
  /** The orders that were refunded. */
  readonly refunds: readonly number[];
  stop(): Promise<void>;
}

interface Seen {
  readonly method: string;
  readonly path: string;
  /** All of its fields, names and values in turn. */
  readonly fields: readonly string[];
}

interface Answer {
  readonly status: number;
  readonly body?: unknown;
}

const ORDERS: readonly { readonly id: number; readonly status: string; readonly total: number }[] = [
  { id: 1, status: "paid", total: 42.5 },
  { id: 2, status: "open", total: 18 },
  { id: 3, status: "shipped", total: 99.9 },
];

const NOT_FOUND: Answer = { status: 404, body: { error: "There is no such thing." } };

export async function startApi({
  certificatePem,
  keyPem,
}: {
  readonly certificatePem: string;
  readonly keyPem: string;
}): Promise<DemoApi> {
  const secret = randomBytes(24).toString("base64url");
  const seen: Seen[] = [];
  const refunds: number[] = [];
  const orders = new Map(ORDERS.map((order) => [order.id, order]));

  const answer = async (request: IncomingMessage): Promise<Answer> => {
    const { method = "", url = "", rawHeaders, headers } = request;
    seen.push({ method, path: url, fields: rawHeaders });
    if (!isSame(headers.authorization ?? "", `Bearer ${secret}`)) {
      return { status: 401, body: { error: "Who are you?" } };
    }
    if (method === "GET" && url === "/v1/orders") return { status: 200, body: [...orders.values()] };
    if (method === "POST" && url === "/v1/refunds") {
      const order = orderIn(await text(request));
      if (order === undefined || !orders.has(order)) return NOT_FOUND;
      refunds.push(order);
      return { status: 201, body: { order, refunded: true } };
    }
    const id = Number(/^\/v1\/orders\/([0-9]{1,9})$/.exec(url)?.[1]);
    const order = orders.get(id);
    if (order === undefined) return NOT_FOUND;
    if (method === "GET") return { status: 200, body: order };
    if (method !== "DELETE") return { status: 405, body: { error: "That can't be done here." } };
    orders.delete(id);
    return { status: 204 };
  };

  const server = createServer({ cert: certificatePem, key: keyPem }, (request, response) => {
    answer(request).then(
      (given) => send(response, given),
      () => response.destroy(),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The API listens on a port.");
  return {
    ...{ port: address.port, secret, seen, refunds },
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

function send(response: ServerResponse, { status, body }: Answer): void {
  if (body === undefined) {
    response.writeHead(status).end();
    return;
  }
  response.writeHead(status, { "content-type": "application/json" }).end(`${JSON.stringify(body)}\n`);
}

/** The order that a refund is asked for. */
function orderIn(body: string): number | undefined {
  try {
    const asked: unknown = JSON.parse(body);
    const isAsked = typeof asked === "object" && asked !== null && "order" in asked;
    return isAsked && typeof asked.order === "number" ? asked.order : undefined;
  } catch {
    return undefined;
  }
}
