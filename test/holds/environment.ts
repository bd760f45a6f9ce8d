import { readFile, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { startControlPlane } from "@gatehouse/api";
import type { Demo } from "@gatehouse/demo";
import { Gateway } from "@gatehouse/gateway";
import { createMemoryLog, type MemoryLog, startOidcProvider } from "@gatehouse/testkit";
import pg from "pg";
import type { Test } from "tap";
import { admin, type AuditLine, auditLines, demoFor, standingUser } from "../environment.ts";
import { RawSession } from "../raw.ts";

/* A whole gateway whose policy holds commands, and people who may answer them, or not. */

const HOURS = 60 * 60 * 1000;
/** The demo's own people are too few to leave somebody out. */
const PEOPLE = [
  { name: "ann", groups: ["dba"] },
  { name: "ben", groups: ["dba", "security"] },
  { name: "eve", groups: ["sales"] },
] as const;
const AGENTS = [
  { name: "agent", groups: ["crew-ops"] },
  { name: "other-agent", groups: ["crew-ops"] },
  { name: "robot", groups: ["dba"] },
] as const;
export type Who = (typeof PEOPLE)[number]["name"] | (typeof AGENTS)[number]["name"];

/** Everything is allowed to the agents, so that what is refused is refused by its hold. */
export const HOLDS = `policy: holds
who: { groups: [crew-ops] }
targets: [orders]
rules:
  - allow: everything
    when: sql.access in ["read", "write", "ddl", "admin", "unknown"]
  - hold: once
    when: sql.text.contains("held_once") || sql.functions.exists(name, name.contains("held_once"))
    approvers: { groups: [dba] }
  - hold: session, same command
    when: sql.text.contains("session_command")
    approvers: { groups: [dba] }
    scope: { same: command, for: session }
  - hold: session, same shape
    when: sql.text.contains("session_shape")
    approvers: { groups: [dba] }
    scope: { same: shape, for: session }
  - hold: an hour, same command
    when: sql.text.contains("hour_command")
    approvers: { groups: [dba] }
    scope: { same: command, for: 1h }
  - hold: an hour, same shape
    when: sql.text.contains("hour_shape")
    approvers: { groups: [dba] }
    scope: { same: shape, for: 1h }
`;

/** What the control plane has answered. */
export interface Answered {
  readonly status: number;
  readonly text: string;
  // The tests look at what they know to be there.
  readonly body: {
    readonly id?: string;
    readonly state?: string;
    readonly error?: { readonly code: string; readonly message: string; readonly reference?: string };
    readonly approvals?: readonly { readonly id: string; readonly state: string }[];
    readonly [key: string]: unknown;
  };
}

export interface Site {
  readonly demo: Demo;
  readonly gateway: Gateway;
  /** A superuser's client, past the gateway. */
  readonly superuser: pg.Client;
  readonly log: MemoryLog;
  readonly state: string;
  readonly port: number;
  readonly controlPort: number;
  readonly ca: string;
  token(who: Who): Promise<string>;
  /** Replaces the policy of the holds. */
  policy(text: string): Promise<void>;
  connect(t: Test, as?: Who, way?: { readonly user?: string; readonly options?: string }): Promise<pg.Client>;
  raw(t: Test, as?: Who): Promise<RawSession>;
  ask(
    method: string,
    path: string,
    options?: {
      readonly token?: string;
      readonly body?: string | Buffer;
      readonly headers?: Readonly<Record<string, string>>;
    },
  ): Promise<Answered>;
  /** The approvals that wait, for whoever is asked, the newest first. Resolves when there are so many. */
  waiting(count: number, seenBy?: Who): Promise<readonly string[]>;
  answer(id: string, as?: Who, answer?: "approve" | "deny", reason?: string): Promise<Answered>;
  /** The same past the API, which takes no more than so many answers of one address. */
  say(id: string, answer: "approve" | "deny"): Promise<void>;
  show(id: string, as?: Who): Promise<Answered>;
  audit(): Promise<readonly AuditLine[]>;
  /** How often the server has run a text that has this in it, as its log says. */
  ran(part: string): number;
  environment(who: Who): Promise<NodeJS.ProcessEnv>;
}

/**
 * @param options policies: beside that of the holds; approvals: the config's part of that name
 */
export async function holdsFor(
  t: Test,
  options: { readonly policy?: string; readonly policies?: string; readonly approvals?: string } = {},
): Promise<Site> {
  const demo = await demoFor(t);
  const superuser = await admin(t, demo);
  await superuser.query("grant create on schema public to orders_writer");
  const tls = {
    cert: await readFile(join(demo.folder, "certs", "gateway.crt"), "utf8"),
    key: await readFile(join(demo.folder, "certs", "gateway.key"), "utf8"),
  };
  const provider = await startOidcProvider({
    tls,
    audience: "gatehouse",
    clients: AGENTS,
    people: PEOPLE,
    tokenLifetime: 12 * HOURS,
  });
  t.teardown(() => provider.stop());
  const policyFile = join(demo.folder, "holds-policy.yaml");
  await writeFile(policyFile, options.policy ?? HOLDS);
  const configFile = join(demo.folder, "holds.yaml");
  // What one session makes here, others use.
  const standing = await standingUser(demo, superuser);
  const config = (await readFile(join(demo.folder, "gatehouse.yaml"), "utf8"))
    .replace(/^ {6}(?:reader|writer):/gm, (level) => `${level} ${standing.level} #`)
    .replace(/^state:.*$/m, "state: file:state-holds")
    .replace(/^policies:.*$/m, `policies: [file:holds-policy.yaml${options.policies ?? ""}]`)
    .replace(/provider: demo/, "provider: holds")
    .replace(
      /^ {4}- \{ name: demo.*$/m,
      `    - { name: holds, issuer: "${provider.issuer}", audience: gatehouse, ca: file:ca.crt }`,
    );
  await writeFile(configFile, `${config}approvals: ${options.approvals ?? "{}"}\n`);
  const log = createMemoryLog();
  const gateway = await Gateway.start({ configFile, log });
  t.teardown(() => gateway.stop("test ended"));
  const control = await startControlPlane({ gateway, log });
  if (!control) throw new Error("The config has a control listener.");
  t.teardown(() => control.close());
  const tokens = new Map<Who, Promise<string>>();
  const state = join(demo.folder, "state-holds");
  const port = gateway.port("postgres") ?? 0;
  const ca = await readFile(demo.variables["PGSSLROOTCERT"] ?? "", "utf8");

  const site: Site = {
    demo,
    gateway,
    superuser,
    log,
    state,
    port,
    controlPort: control.address.port,
    ca,
    token(who) {
      const token = tokens.get(who) ?? provider.token(who);
      tokens.set(who, token);
      return token;
    },
    async policy(text) {
      await writeFile(policyFile, text);
      const problems = await gateway.reload();
      if (problems.length > 0) throw new Error(problems.map(({ message }) => message).join("\n"));
    },
    async connect(t, as = "agent", way = {}) {
      const client = new pg.Client({
        host: "localhost",
        port,
        user: "writer",
        password: await site.token(as),
        database: "orders",
        ssl: { ca },
        ...way,
      });
      client.on("error", () => undefined);
      await client.connect();
      let open = true;
      client.once("end", () => {
        open = false;
      });
      t.teardown(async () => {
        if (open) await client.end();
      });
      return client;
    },
    async raw(t, as = "agent") {
      const session = await RawSession.open(demo, port, { user: "writer", password: await site.token(as) });
      t.teardown(() => session.socket.destroy());
      return session;
    },
    ask: (method, path, { token, body, headers = {} } = {}) =>
      new Promise((resolve, reject) => {
        const asked = request(
          {
            host: "localhost",
            port: control.address.port,
            ca,
            method,
            path,
            agent: false,
            headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
          },
          (response) => {
            const chunks: Buffer[] = [];
            response.on("data", (chunk: Buffer) => chunks.push(chunk));
            response.on("end", () => {
              const text = Buffer.concat(chunks).toString("utf8");
              const body = text.startsWith("{") ? (JSON.parse(text) as Answered["body"]) : {};
              resolve({ status: response.statusCode ?? 0, text, body });
            });
          },
        );
        asked.on("error", reject);
        asked.end(body);
      }),
    async waiting(count, seenBy = "ann") {
      for (;;) {
        const { body } = await site.ask("GET", "/v1/approvals?state=pending", {
          token: await site.token(seenBy),
        });
        const ids = (body.approvals ?? []).map(({ id }) => id);
        if (ids.length === count) return ids;
        await pause(20);
      }
    },
    answer: async (id, as = "ann", answer = "approve", reason) =>
      site.ask("POST", `/v1/approvals/${id}/${answer}`, {
        token: await site.token(as),
        headers: { "content-type": "application/json" },
        body: JSON.stringify(reason === undefined ? {} : { reason }),
      }),
    async say(id, answer) {
      const ann = await gateway.authenticate({ token: await site.token("ann") });
      await gateway.approvals.answer(ann, id, { answer });
    },
    show: async (id, as = "ann") => site.ask("GET", `/v1/approvals/${id}`, { token: await site.token(as) }),
    audit: () => auditLines(state),
    ran: (part) => demo.database.server.log().split(part).length - 1,
    environment: async (who) => ({
      PATH: process.env["PATH"],
      GATEHOUSE_URL: `https://localhost:${control.address.port}`,
      GATEHOUSE_CA: demo.variables["GATEHOUSE_CA"],
      GATEHOUSE_TOKEN: await site.token(who),
    }),
  };
  return site;
}

/** The only one that waits. */
export async function held(site: Site, seenBy: Who = "ann"): Promise<string> {
  const [id = ""] = await site.waiting(1, seenBy);
  return id;
}
