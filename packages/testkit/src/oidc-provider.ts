import { generateKeyPairSync, randomBytes, randomUUID } from "node:crypto";
import { createServer, request } from "node:https";
import { promisify } from "node:util";
import { Provider, type Configuration, type ResourceServer } from "oidc-provider";
import { createOidcStore } from "./oidc-store.ts";

/** Somebody whom the provider knows, and the `groups` of their tokens. */
export interface OidcAccount {
  readonly name: string;
  readonly groups: readonly string[];
}

export interface OidcProviderOptions {
  /** PEM; the certificate must name 127.0.0.1. */
  readonly tls: { readonly cert: string; readonly key: string };
  /** 0, or left out: a free one. */
  readonly port?: number;
  /** The `aud` of its access tokens. */
  readonly audience: string;
  /** Workloads: their tokens have `sub` equal to `client_id`. */
  readonly clients: readonly OidcAccount[];
  readonly people: readonly OidcAccount[];
  /** Milliseconds; rounded up to seconds, which is what tokens count in. */
  readonly tokenLifetime: number;
  /** ES256 when left out. */
  readonly algorithm?: "ES256" | "RS256";
}

export interface RunningOidcProvider {
  readonly issuer: string;
  /**
   * An access token for a client or a person. A client's comes from the token endpoint, over TLS; a person's
   * is made by the provider's own model, without the browser that they would need.
   * @throws Error for a name that was not given, and for a client while the provider is stopped.
   */
  token(name: string): Promise<string>;
  /**
   * Does what a person does with a browser who was given a user code (RFC 8628 section 3.3): signs in and agrees, or says no.
   * @throws Error for a code that nobody was given, and a name that was not given
   */
  answerDevice(userCode: string, name: string, answer?: "agree" | "deny"): Promise<void>;
  /** Replaces the signing key: the provider publishes the new one alone from now on. */
  rotateKeys(): void;
  /** Listens again, at the same port, after `stop`. */
  start(): Promise<void>;
  /** Stops listening and ends every connection. */
  stop(): Promise<void>;
}

/** The public client for which people's tokens are issued; it may use the device flow (RFC 8628). */
export const peopleClient = "gatehouse-cli";

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code";
/** RFC 8707 wants a resource to be a URI, which an audience need not be. */
const resource = "urn:gatehouse:testkit";

/** Starts a real OpenID Connect provider (`oidc-provider`) with TLS, on loopback only. */
export async function startOidcProvider(options: OidcProviderOptions): Promise<RunningOidcProvider> {
  const { tls, clients, people } = options;
  const algorithm = options.algorithm ?? "ES256";
  const seconds = Math.ceil(options.tokenLifetime / 1000);
  const groups = new Map([...clients, ...people].map(({ name, groups }) => [name, groups]));
  if (groups.size !== clients.length + people.length) throw new Error("Every account needs its own name.");
  const secrets = new Map(clients.map(({ name }) => [name, randomBytes(32).toString("base64url")]));
  const resourceServer: ResourceServer = {
    scope: "",
    audience: options.audience,
    accessTokenTTL: seconds,
    accessTokenFormat: "jwt",
    jwt: { sign: { alg: algorithm } },
  };

  const configuration: Configuration = {
    adapter: createOidcStore(),
    cookies: { keys: [randomBytes(32).toString("base64url")] },
    clientDefaults: { id_token_signed_response_alg: algorithm },
    clients: [
      ...[...secrets].map(([client_id, client_secret]) => ({
        client_id,
        client_secret,
        grant_types: ["client_credentials"],
        response_types: [],
        redirect_uris: [],
      })),
      {
        client_id: peopleClient,
        token_endpoint_auth_method: "none",
        grant_types: [deviceGrant],
        response_types: [],
        redirect_uris: [],
      },
    ],
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      clientCredentials: { enabled: true },
      deviceFlow: {
        enabled: true,
        userCodeInputSource: (ctx, form) => {
          ctx.body = form;
        },
        userCodeConfirmSource: (ctx, form) => {
          ctx.body = form;
        },
        successSource: (ctx) => {
          ctx.body = "Signed in.";
        },
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => resource,
        useGrantedResource: () => true,
        getResourceServerInfo: () => resourceServer,
      },
    },
    findAccount: (_ctx, accountId) =>
      people.some(({ name }) => name === accountId)
        ? { accountId, claims: () => ({ sub: accountId, groups: groups.get(accountId) }) }
        : undefined,
    extraTokenClaims: (_ctx, token) => ({
      groups: groups.get((token.kind === "AccessToken" ? token.accountId : token.clientId) ?? ""),
    }),
    renderError: (ctx, out) => {
      ctx.body = out;
    },
    // Every lifetime is set, because a default one prints a notice when it is used.
    ttl: {
      AccessToken: seconds,
      ClientCredentials: seconds,
      DeviceCode: 600,
      Grant: 3600,
      IdToken: seconds,
      Interaction: 600,
      Session: 3600,
    },
  };

  const createProvider = (issuer: string) => {
    const provider = new Provider(issuer, { ...configuration, jwks: { keys: [signingKey(algorithm)] } });
    // Koa prints errors otherwise; the caller sees them as the response's status.
    provider.silent = true;
    return { provider, answer: provider.callback() };
  };

  const server = createServer({ ...tls, minVersion: "TLSv1.2" });
  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", () => {
        server.off("error", reject);
        resolve();
      });
    });
  await listen(options.port ?? 0);
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The provider has no port.");
  const { port } = address;
  const issuer = `https://127.0.0.1:${port}`;

  let current = createProvider(issuer);
  server.on("request", (incoming, response) => void current.answer(incoming, response));

  const personToken = async (accountId: string): Promise<string> => {
    const { provider } = current;
    const client = await provider.Client.find(peopleClient);
    if (client === undefined) throw new Error("The provider lost its own client.");
    const token = new provider.AccessToken({
      client,
      accountId,
      grantId: randomUUID(),
      gty: deviceGrant,
      resourceServer: new provider.ResourceServer(resource, resourceServer),
      expiresIn: seconds,
    });
    return token.save();
  };

  const answerDevice: RunningOidcProvider["answerDevice"] = async (userCode, accountId, answer = "agree") => {
    const { provider } = current;
    const code = await provider.DeviceCode.findByUserCode(userCode.replace(/\W/g, ""));
    if (code === undefined) throw new Error(`The provider has given nobody the code ${userCode}.`);
    if (!groups.has(accountId)) throw new Error(`The provider knows no ${JSON.stringify(accountId)}.`);
    const grant = new provider.Grant({ clientId: peopleClient, accountId });
    grant.addOIDCScope("openid");
    const agreed = { accountId, grantId: await grant.save(), scope: "openid", resource };
    Object.assign(code, answer === "agree" ? agreed : { error: "access_denied", errorDescription: "no" });
    await code.save();
  };

  return {
    issuer,
    answerDevice,
    async token(name) {
      const secret = secrets.get(name);
      if (secret !== undefined) return clientToken(issuer, tls.cert, name, secret);
      if (groups.has(name)) return personToken(name);
      throw new Error(`The provider knows no ${JSON.stringify(name)}.`);
    },
    rotateKeys() {
      current = createProvider(issuer);
    },
    start: () => listen(port),
    async stop() {
      const closed = promisify(server.close.bind(server))();
      server.closeAllConnections();
      await closed;
    },
  };
}

function signingKey(algorithm: "ES256" | "RS256") {
  const { privateKey } =
    algorithm === "ES256"
      ? generateKeyPairSync("ec", { namedCurve: "P-256" })
      : generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...privateKey.export({ format: "jwk" }), kid: randomUUID(), use: "sig", alg: algorithm };
}

/** The client credentials grant (RFC 6749 section 4.4). */
async function clientToken(issuer: string, cert: string, name: string, secret: string): Promise<string> {
  const credentials = `${encodeURIComponent(name)}:${encodeURIComponent(secret)}`;
  const body = await new Promise<string>((resolve, reject) => {
    const sent = request(
      `${issuer}/token`,
      {
        method: "POST",
        agent: false,
        // The provider's own certificate is known here, so it is trusted itself and not by its authority.
        ca: cert,
        allowPartialTrustChain: true,
        headers: {
          authorization: `Basic ${Buffer.from(credentials).toString("base64")}`,
          "content-type": "application/x-www-form-urlencoded",
        },
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("error", reject);
        response.on("end", () => resolve(text));
      },
    );
    sent.on("error", reject);
    sent.end("grant_type=client_credentials");
  });
  const answer: unknown = JSON.parse(body);
  if (
    typeof answer !== "object" ||
    answer === null ||
    !("access_token" in answer) ||
    typeof answer.access_token !== "string"
  ) {
    throw new Error(`The provider issued no token to ${JSON.stringify(name)}: ${body}`);
  }
  return answer.access_token;
}
