// A proxy without any checks: `node node-main.ts PORT`, with CERT, KEY, CA, SECRET, and the targets' origins API and MODEL, in the environment.
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { Pool } from "undici";

const environment = process.env;
const file = (name: string) => readFileSync(environment[name] ?? "");
const ca = file("CA");
const authorization = `Bearer ${environment["SECRET"] ?? ""}`;

const pools = new Map<string, Pool>(
  (["api", "model"] as const).map((name) => {
    const origin = environment[name.toUpperCase()] ?? "";
    return [name, new Pool(origin, { connect: { ca }, bodyTimeout: 0 })] as const;
  }),
);

/** What the bench asks for. */
const METHODS = ["GET", "PUT", "POST"] as const;

/** For one connection, and not for the next (RFC 9110, section 7.6.1). */
const HOP_BY_HOP = new Set(["connection", "keep-alive", "transfer-encoding", "te", "upgrade", "expect"]);

function endToEnd(headers: Readonly<Record<string, string | string[] | undefined>>) {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name)));
}

createServer({ cert: file("CERT"), key: file("KEY"), keepAliveTimeout: 0 }, (request, response) => {
  const [, target = "", path = ""] = /^\/([a-z]+)(\/.*)$/.exec(request.url ?? "") ?? [];
  const pool = pools.get(target);
  if (pool === undefined) {
    response.writeHead(404).end();
    return;
  }
  const { host: _, ...headers } = endToEnd(request.headers);
  const method = METHODS.find((known) => known === request.method) ?? "GET";
  pool
    .stream(
      {
        path,
        method,
        headers: { ...headers, authorization },
        body: method === "GET" ? null : request,
      },
      ({ statusCode, headers: answered }) => {
        response.writeHead(statusCode, endToEnd(answered));
        return response;
      },
    )
    .catch(() => response.destroy());
}).listen(Number(process.argv[2]), "127.0.0.1");
