import { randomBytes, randomUUID, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import { promisify } from "node:util";

/** A role of the database engine: how its users are made, and how they are removed. */
export interface VaultRole {
  /** Seconds that a lease lasts, and is renewed for. */
  readonly lasts: number;
  /** Left out: the users are only said to be there. */
  readonly create?: (user: string, password: string) => Promise<void>;
  readonly revoke?: (user: string) => Promise<void>;
}

/** What goes wrong: an answer of this status, none at all, one that is no JSON, or one without an end. */
export type VaultFault =
  | { readonly status: number; readonly errors?: readonly string[] }
  | "silent"
  | "garbage"
  | "endless";

export interface VaultServerOptions {
  /** PEM; the certificate must name 127.0.0.1. */
  readonly tls: { readonly cert: string; readonly key: string };
  /** By the role's name. */
  readonly roles?: Readonly<Record<string, VaultRole>>;
  /** The only namespace that it has; none when left out. */
  readonly namespace?: string;
}

/** A lease of the database engine that was neither revoked nor has ended. */
export interface VaultLease {
  readonly id: string;
  readonly role: string;
  readonly user: string;
  readonly password: string;
  readonly renewals: number;
}

export interface VaultRequest {
  readonly method: string;
  /** With `/v1/`. */
  readonly path: string;
  readonly body: unknown;
}

export interface RunningVaultServer {
  /** `https://127.0.0.1:PORT` */
  readonly address: string;
  /** What it accepts now; another may be put here. */
  token: string;
  /** Seconds that are left of the token; 0 for one without an end. */
  tokenLasts: number;
  /** Writes the next version of a secret of KV 2, mounted at `secret`. */
  put(path: string, fields: Readonly<Record<string, unknown>>): void;
  /** Deletes a secret's latest version, whose metadata stay. */
  delete(path: string): void;
  readonly leases: readonly VaultLease[];
  /** Lets a lease end, as time does. */
  expire(id: string): void;
  /** What it was asked, the oldest first. */
  readonly requests: readonly VaultRequest[];
  /** Of each question from now on whose path fits, until it is taken away. A fault comes before anything is done. */
  fault(fault: VaultFault | undefined, path?: RegExp): void;
  /** The same after it was done: what was asked for is there, and nobody hears of it. */
  faultAfter(fault: VaultFault | undefined, path?: RegExp): void;
  /** Listens again, at the same port, after `stop`. What it holds stays. */
  start(): Promise<void>;
  /** Stops listening and ends every connection. */
  stop(): Promise<void>;
}

interface Reply {
  readonly status: number;
  readonly body?: object;
}

interface Trouble {
  readonly fault: VaultFault;
  readonly path: RegExp;
}

const MOUNT = "secret/data/";
const MAX_BODY_BYTES = 64 * 1024;

/**
 * Starts a server that speaks a part of HashiCorp Vault's HTTP API (and OpenBao's, which is the same there), with TLS, on
 * loopback only: KV of version 2 at `secret`, the database engine at `database`, renewal and revocation of leases, and the
 * token's own paths. Its answers have the form of the real ones. It speaks no policies: the token may do all that there is.
 */
export async function startVaultServer(options: VaultServerOptions): Promise<RunningVaultServer> {
  const roles = new Map(Object.entries(options.roles ?? {}));
  const kept = new Map<string, { version: number; fields: Readonly<Record<string, unknown>> | null }>();
  const leases = new Map<string, VaultLease>();
  const requests: VaultRequest[] = [];
  let before: Trouble | undefined;
  let after: Trouble | undefined;

  async function reply({ method, path, body }: VaultRequest): Promise<Reply> {
    const [, rest = ""] = /^\/v1\/(.*)$/.exec(path) ?? [];
    if (method === "GET" && rest.startsWith(MOUNT)) return secretAt(rest.slice(MOUNT.length));
    const role = /^database\/creds\/([^/]+)$/.exec(rest)?.[1];
    if (method === "GET" && role !== undefined) return issue(role);
    const writes = method === "PUT" || method === "POST";
    if (writes && rest === "sys/leases/renew") return renew(textAt(body, "lease_id"));
    if (writes && rest === "sys/leases/revoke") return revoke(textAt(body, "lease_id"));
    if (method === "GET" && rest === "auth/token/lookup-self") return said(tokenState());
    if (writes && rest === "auth/token/renew-self") return renewToken();
    return refused(404);
  }

  function secretAt(path: string): Reply {
    const secret = kept.get(path);
    if (!secret) return refused(404);
    const metadata = {
      created_time: "2026-01-01T00:00:00Z",
      deletion_time: secret.fields ? "" : "2026-01-02T00:00:00Z",
      destroyed: false,
      version: secret.version,
    };
    // A deleted version is answered with 404 and a body.
    return { ...said({ data: secret.fields, metadata }), status: secret.fields ? 200 : 404 };
  }

  async function issue(name: string): Promise<Reply> {
    const role = roles.get(name);
    if (!role) return refused(400, `unknown role: ${name}`);
    const user = `v-token-${name}-${randomBytes(10).toString("hex")}`;
    const password = randomBytes(15).toString("base64url");
    try {
      await role.create?.(user, password);
    } catch (error) {
      return refused(500, `failed to create user: ${String(error)}`);
    }
    const id = `database/creds/${name}/${randomBytes(12).toString("hex")}`;
    leases.set(id, { id, role: name, user, password, renewals: 0 });
    return said({ username: user, password }, { lease_id: id, lease_duration: role.lasts, renewable: true });
  }

  function renew(id: string): Reply {
    const lease = leases.get(id);
    if (!lease) return refused(400, "lease not found");
    leases.set(id, { ...lease, renewals: lease.renewals + 1 });
    const lease_duration = roles.get(lease.role)?.lasts ?? 0;
    return said(null, { lease_id: id, lease_duration, renewable: true });
  }

  async function revoke(id: string): Promise<Reply> {
    const lease = leases.get(id);
    // The real one does not mind either.
    if (!lease) return { status: 204 };
    try {
      await roles.get(lease.role)?.revoke?.(lease.user);
    } catch (error) {
      return refused(400, `failed to revoke entry: ${String(error)}`);
    }
    leases.delete(id);
    return { status: 204 };
  }

  function tokenState() {
    return {
      ttl: running.tokenLasts,
      renewable: running.tokenLasts > 0,
      type: "service",
      policies: ["gatehouse"],
    };
  }

  function renewToken(): Reply {
    if (running.tokenLasts === 0) return refused(400, "invalid token: not renewable");
    return {
      status: 200,
      body: { request_id: randomUUID(), auth: { lease_duration: running.tokenLasts, renewable: true } },
    };
  }

  async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = {
      method: incoming.method ?? "",
      path: decodeURIComponent(incoming.url ?? ""),
      body: await bodyOf(incoming),
    };
    requests.push(request);
    const early = faultAt(request.path, before);
    const made = early === undefined ? await admitted(request, incoming.headers) : refused(500);
    const fault = early ?? faultAt(request.path, after);
    if (fault === undefined) send(response, made);
    else fail(response, fault);
  }

  async function admitted(request: VaultRequest, headers: IncomingHttpHeaders): Promise<Reply> {
    if (!isToken(headers["x-vault-token"], running.token)) return refused(403);
    if (headers["x-vault-namespace"] !== options.namespace) return refused(404);
    return reply(request);
  }

  const server = createServer({ ...options.tls, minVersion: "TLSv1.2" }, (incoming, response) => {
    answer(incoming, response).catch(() => response.destroy());
  });
  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", () => {
        server.off("error", reject);
        resolve();
      });
    });
  await listen(0);
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("The server has no port.");
  const { port } = bound;

  const running: RunningVaultServer = {
    address: `https://127.0.0.1:${port}`,
    token: `hvs.${randomBytes(18).toString("base64url")}`,
    tokenLasts: 0,
    put(path, fields) {
      kept.set(path, { version: (kept.get(path)?.version ?? 0) + 1, fields });
    },
    delete(path) {
      const secret = kept.get(path);
      if (secret) kept.set(path, { ...secret, fields: null });
    },
    get leases() {
      return [...leases.values()];
    },
    expire: (id) => void leases.delete(id),
    requests,
    fault(fault, path = /^/) {
      before = fault && { fault, path };
    },
    faultAfter(fault, path = /^/) {
      after = fault && { fault, path };
    },
    start: () => listen(port),
    async stop() {
      const closed = promisify(server.close.bind(server))();
      server.closeAllConnections();
      await closed;
    },
  };
  return running;
}

function faultAt(path: string, trouble: Trouble | undefined): VaultFault | undefined {
  return trouble?.path.test(path) === true ? trouble.fault : undefined;
}

/** The frame of every answer. */
function said(data: object | null, lease: object = {}): Reply {
  const none = { lease_id: "", lease_duration: 0, renewable: false };
  const rest = { wrap_info: null, warnings: null, auth: null };
  return { status: 200, body: { request_id: randomUUID(), ...none, ...lease, data, ...rest } };
}

function refused(status: number, ...errors: readonly string[]): Reply {
  return { status, body: { errors: status === 403 ? ["permission denied"] : errors } };
}

function send(response: ServerResponse, { status, body }: Reply): void {
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(body && `${JSON.stringify(body)}\n`);
}

function fail(response: ServerResponse, fault: VaultFault): void {
  switch (fault) {
    case "silent":
      return;
    case "garbage":
      response.writeHead(200, { "content-type": "application/json" });
      response.end("<html>hunter2</html>");
      return;
    case "endless": {
      response.writeHead(200, { "content-type": "application/json" });
      response.write("[");
      const more = () => {
        while (!response.destroyed && response.write(" ".repeat(64 * 1024)));
      };
      response.on("drain", more);
      more();
      return;
    }
    default: {
      const { status, errors = [] } = fault;
      const headers = status >= 300 && status < 400 ? { location: "https://127.0.0.1:1/v1/elsewhere" } : {};
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(JSON.stringify({ errors }));
    }
  }
}

async function bodyOf(incoming: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming) {
    if (!Buffer.isBuffer(chunk)) throw new Error("expected bytes");
    chunks.push(chunk);
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new Error("the body is too large");
  }
  const text = Buffer.concat(chunks).toString("utf8");
  const body: unknown = text === "" ? undefined : JSON.parse(text);
  return body;
}

function textAt(body: unknown, key: string): string {
  if (typeof body !== "object" || body === null) return "";
  const value: unknown = Object.getOwnPropertyDescriptor(body, key)?.value;
  return typeof value === "string" ? value : "";
}

function isToken(given: string | string[] | undefined, token: string): boolean {
  const [a, b] = [Buffer.from(String(given)), Buffer.from(token)];
  return a.length === b.length && timingSafeEqual(a, b);
}
