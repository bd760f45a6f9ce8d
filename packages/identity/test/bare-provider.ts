import { createServer, type Server } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createAuthority } from "@gatehouse/certs";
import type { OidcProvider } from "@gatehouse/core";
import type { AuthenticatorOptions } from "../src/index.ts";
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK, type JWTPayload } from "jose";

/** A certificate for 127.0.0.1, and the authority to trust. All PEM. */
export async function mintTls(): Promise<{ ca: string; cert: string; key: string }> {
  const now = Date.now();
  const authority = await createAuthority({ name: "identity test CA", now });
  const pair = await authority.issue({ use: "server", commonName: "idp", names: ["127.0.0.1"], now });
  return { ca: authority.certificatePem, cert: pair.certificatePem, key: pair.key.reveal() };
}

export interface SigningKey {
  readonly alg: string;
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

export async function createSigningKey(alg: string, kid: string): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  return { alg, kid, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: "sig" } };
}

/** Signs claims as they are; `header` adds to, or replaces, what the key says. */
export function sign(
  key: SigningKey,
  claims: JWTPayload,
  header: Record<string, unknown> = {},
): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: "at+jwt", ...header })
    .sign(key.privateKey);
}

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export const json =
  (value: unknown): Answer =>
  (_request, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(value));
  };

export const discoveryPath = "/.well-known/openid-configuration";

/** An HTTPS server with a discovery document and keys, either of which a test can replace with anything. */
export interface BareProvider {
  readonly issuer: string;
  readonly answers: Map<string, Answer>;
  /** The paths that were asked for, in order. */
  readonly asked: string[];
  publish(...keys: SigningKey[]): void;
  stop(): Promise<void>;
}

export async function startBareProvider(tls: { cert: string; key: string }): Promise<BareProvider> {
  const answers = new Map<string, Answer>();
  const asked: string[] = [];
  const server = createServer({ cert: tls.cert, key: tls.key }, (request, response) => {
    const path = request.url ?? "";
    asked.push(path);
    const answer = answers.get(path);
    if (answer !== undefined) answer(request, response);
    else response.writeHead(404).end();
  });
  const issuer = `https://127.0.0.1:${await listen(server)}`;
  answers.set(discoveryPath, json({ issuer, jwks_uri: `${issuer}/jwks` }));
  return {
    issuer,
    answers,
    asked,
    publish(...keys) {
      answers.set("/jwks", json({ keys: keys.map(({ publicJwk }) => publicJwk) }));
    },
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (address === null || typeof address === "string") reject(new Error("no port"));
      else resolve(address.port);
    });
  });
}

/** A configured provider, as `config` would make it. */
export function configured(issuer: string, changes: Partial<OidcProvider> = {}): OidcProvider {
  return {
    name: "corp",
    issuer,
    audience: "gatehouse",
    algorithms: ["ES256"],
    clockSkew: 0,
    claims: { subject: "sub", groups: "groups" },
    ...changes,
  };
}

/** Of an authenticator that knows tokens alone. */
export const withoutKeys: Pick<AuthenticatorOptions, "keys" | "authority" | "secret"> = {
  keys: [],
  authority: () => Promise.reject(new Error("there is none")),
  secret: () => Promise.reject(new Error("there is none")),
};
