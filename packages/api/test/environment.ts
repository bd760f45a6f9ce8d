import { writeFile } from "node:fs/promises";
import type { IncomingHttpHeaders } from "node:http";
import { request, type RequestOptions } from "node:https";
import { join } from "node:path";
import { createAuthority, type PemPair, writePair } from "@gatehouse/certs";
import { Gateway } from "@gatehouse/gateway";
import { GatehouseError } from "@gatehouse/core";
import {
  createMemoryLog,
  FakeDesk,
  FakeGrantDesk,
  type MemoryLog,
  type RunningOidcProvider,
  startOidcProvider,
} from "@gatehouse/testkit";
import type { Test } from "tap";
import { type ControlPlane, startControlPlane } from "../src/index.ts";
import { objections } from "./conformity.ts";

/** A gateway without targets of any use, and its control plane, at which a fake desk answers. */
export interface Environment {
  readonly gateway: Gateway;
  readonly control: ControlPlane;
  readonly desk: FakeDesk;
  readonly grants: FakeGrantDesk;
  readonly log: MemoryLog;
  /** It knows `ann` and `bob`, who are people, and the workload `agent-7`. */
  readonly provider: RunningOidcProvider;
  readonly folder: string;
  readonly ca: string;
  /** No token holds any more. */
  revoke(): void;
  /** Replaces the certificate's files, and has the control plane look at them. */
  replaceCertificate(): Promise<PemPair>;
}

export interface EnvironmentOptions {
  readonly providerIsDown?: boolean;
  /** Of the control plane, in milliseconds. */
  readonly deadline?: number;
  /** Of an event stream, in milliseconds. */
  readonly heartbeat?: number;
  /** In milliseconds. */
  readonly tokenLifetime?: number;
}

export async function environment(
  t: Test,
  { providerIsDown, tokenLifetime = 60_000, ...timing }: EnvironmentOptions = {},
): Promise<Environment> {
  const folder = t.testdir({
    policies: {
      "all.yaml":
        'policy: reads\nwho: { everyone: true }\ntargets: [orders]\nrules:\n  - { allow: reads, when: sql.access == "read" }\n',
    },
    secret: "the target's own",
  });
  const now = Date.now();
  const authority = await createAuthority({ name: "Test CA", now });
  const issue = (commonName: string) =>
    authority.issue({ use: "server", commonName, names: ["localhost", "127.0.0.1"], now });
  await writeFile(join(folder, "ca.crt"), authority.certificatePem);
  const certs = join(folder, "certs");
  await writePair(certs, "gateway", await issue("gateway"));
  const pair = await issue("provider");
  const provider = await startOidcProvider({
    tls: { cert: pair.certificatePem, key: pair.key.reveal() },
    audience: "gatehouse",
    clients: [{ name: "agent-7", groups: ["crew-agent"] }],
    people: [
      { name: "ann", groups: ["crew-approver"] },
      { name: "bob", groups: ["crew-approver"] },
    ],
    tokenLifetime,
  });
  if (providerIsDown) await provider.stop();
  else t.teardown(() => provider.stop());
  const configFile = join(folder, "gatehouse.yaml");
  await writeFile(
    configFile,
    `tls: { cert: file:certs/gateway.crt, key: file:certs/gateway.key }
listeners: { postgres: { address: 127.0.0.1:0 }, control: { address: 127.0.0.1:0 } }
identity: { oidc: [{ name: corp, issuer: "${provider.issuer}", audience: gatehouse, ca: file:ca.crt, clockSkew: 0s }] }
targets:
  orders:
    protocol: postgres
    address: 127.0.0.1:1
    tls: { mode: verify-full, ca: file:ca.crt }
    database: orders
    levels: { reader: { credential: { user: r, password: file:secret } } }
policies: [file:policies/*.yaml]
drain: 1s
`,
  );
  const log = createMemoryLog();
  const gateway = await Gateway.start({ configFile, log });
  t.teardown(() => gateway.stop("test ended"));
  const desk = new FakeDesk();
  const grants = new FakeGrantDesk(desk);
  let revoked = false;
  const control = await startControlPlane({
    gateway: {
      configuration: gateway.configuration,
      readiness: () => gateway.readiness(),
      certificate: (files) => gateway.certificate(files),
      authenticate: (credential) => {
        if (revoked) return Promise.reject(new GatehouseError("IDENTITY_INVALID", "revoked"));
        return gateway.authenticate(credential);
      },
      approvals: desk,
      grants,
      ssh: gateway.ssh,
    },
    log,
    ...timing,
  });
  if (!control) throw new Error("The config has a control listener.");
  t.teardown(() => control.close());
  return {
    gateway,
    control,
    desk,
    grants,
    log,
    provider,
    folder,
    ca: authority.certificatePem,
    revoke() {
      revoked = true;
    },
    async replaceCertificate() {
      const renewed = await issue("gateway, renewed");
      await writePair(certs, "gateway", renewed);
      await gateway.reload();
      return renewed;
    },
  };
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers: IncomingHttpHeaders;
}

/**
 * One request, on a connection of its own unless `options` say otherwise. An answer of the API that is not as its
 * OpenAPI document says is an error.
 */
export function ask(
  { control, ca }: Environment,
  path: string,
  options: RequestOptions = {},
  body: string | Buffer = "",
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { host, port } = control.address;
    const sent = request({ host, port, path, ca, agent: false, ...options }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("error", reject);
      response.on("end", () => {
        const { statusCode: status = 0, headers } = response;
        const type = headers["content-type"] ?? "";
        const received: unknown = type.startsWith("application/json") ? JSON.parse(text) : text;
        const wrong = path.startsWith("/v1/")
          ? objections(options.method ?? "GET", path, { status, type, body: received })
          : [];
        if (wrong.length > 0) reject(new Error(wrong.join("\n")));
        else resolve({ status, body: received, headers });
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** One request of somebody whom the provider knows; a body is JSON. */
export async function askAs(
  env: Environment,
  name: string,
  path: string,
  {
    body,
    headers,
    ...options
  }: Omit<RequestOptions, "headers"> & {
    readonly body?: unknown;
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): Promise<Answer> {
  const authorization = `Bearer ${await env.provider.token(name)}`;
  const json = body === undefined ? {} : { "content-type": "application/json" };
  const sent = { ...options, headers: { authorization, ...json, ...headers } };
  return ask(env, path, sent, body === undefined ? "" : JSON.stringify(body));
}
