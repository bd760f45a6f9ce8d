import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Demo } from "@gatehouse/demo";
import type pg from "pg";
import type { Test } from "tap";
import { admin, demoFor, standingUser, variantOf } from "../environment.ts";

/** Tables that a rule holds an INSERT into, each on terms of its own. */
export type Table = "one_yes" | "two_yeses" | "masked";

/** What rules the tables: with other terms for `one_yes`, or with a block of all three. */
export type Rules = "usual" | "other" | "closed";

const APPROVERS = "groups: [dba, crew-analyst, crew-ops]";

function policy(rules: Rules): string {
  const closed = `
  - block: executions
    when: sql.access == "write"
    message: Nothing is executed today.`;
  return `policy: executions
who: { groups: [crew-ops] }
targets: [orders]
levels: [writer]
rules:
  - allow: reads
    when: sql.access == "read"
  - allow: changes
    when: sql.access == "write"
  - hold: one yes
    when: '"public.one_yes" in sql.writes'
    approvers: { ${APPROVERS} }
    expires: ${rules === "other" ? "11s" : "10s"}
  - hold: two yeses
    when: '"public.two_yeses" in sql.writes'
    approvers: { ${APPROVERS}, count: 2 }
    expires: 10s
  - hold: masked
    when: '"public.masked" in sql.writes'
    approvers: { ${APPROVERS} }
    expires: 10s
    then: allow-with-mask
    columns: [public.masked.note]
    with: redact${rules === "closed" ? closed : ""}
`;
}

/** Who answers may see what is masked from those who ask: otherwise commands are shown without their values. */
const APPROVERS_OWN = `policy: approvers
who: { groups: [dba] }
targets: [orders]
rules:
  - allow: reads
    when: sql.access == "read"
`;

/** A database that counts what is executed in it, and configs of gateways in front of it. */
export interface Site {
  readonly demo: Demo;
  readonly superuser: pg.Client;
  /** Who may answer. The requester is in the rules' groups as well. */
  readonly approvers: { readonly human: string; readonly agent: string; readonly requester: string };
  /** @returns a config with a state folder and rules of its own */
  config(name: string, lines?: Readonly<Record<string, string>>): Promise<GatewayConfig>;
}

export interface GatewayConfig {
  readonly configFile: string;
  readonly state: string;
  /** Writes other rules into its policies; a reload brings them into force. */
  rule(rules: Rules): Promise<void>;
}

export async function siteFor(t: Test): Promise<Site> {
  const demo = await demoFor(t);
  const superuser = await admin(t, demo);
  // No key keeps a command from being executed twice; a sequence counts also what is rolled back.
  await superuser.query(`
    create sequence runs;
    create table one_yes (id text, note text default 'secret', run bigint default nextval('runs'));
    create table two_yeses (like one_yes including defaults);
    create table masked (like one_yes including defaults);
    create table free (id text);
    grant select, insert on one_yes, two_yeses, masked, free to orders_writer;
    grant usage on sequence runs to orders_writer`);
  const { variables } = demo;
  // These are about approvals, and some have time go by faster than a server makes users.
  const standing = await standingUser(demo, superuser);
  return {
    demo,
    superuser,
    approvers: {
      human: variables["GATEHOUSE_TOKEN"] ?? "",
      agent: variables["AGENT_TOKEN"] ?? "",
      requester: variables["WRITER_TOKEN"] ?? "",
    },
    async config(name, lines = {}) {
      const folder = join(demo.folder, `policies-${name}`);
      await mkdir(folder);
      const rule = (rules: Rules) => writeFile(join(folder, "executions.yaml"), policy(rules));
      await writeFile(join(folder, "approvers.yaml"), APPROVERS_OWN);
      await rule("usual");
      const limits = "{ startup: 5m }";
      const policies = `[file:policies-${name}/*.yaml]`;
      const variant = await variantOf(demo, name, { policies, limits, ...standing.lines, ...lines });
      // Where time goes by faster, the target is no faster.
      const text = await readFile(variant.configFile, "utf8");
      const patient = text.replace("protocol: postgres\n", "protocol: postgres\n    connectTimeout: 5m\n");
      await writeFile(variant.configFile, patient);
      return { ...variant, rule };
    },
  };
}

/** What a command does that leaves a trace of its own in the database. */
export const execution = (table: Table, id: string) =>
  `insert into ${table} (id) values ('${id}') returning note`;
