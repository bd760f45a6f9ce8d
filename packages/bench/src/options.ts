import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { INSTALL as INSTALL_HTTP } from "./http/programs.ts";
import { INSTALL } from "./postgres/programs.ts";
import { INSTALL as INSTALL_SSH } from "./ssh/programs.ts";

export const HELP = `Measures the gateway against pgbouncer and against the server itself, in one run on this machine; or rows that it masks
against the same rows unmasked, or what it does while commands wait for people, or sessions whose users are made for them
against those that have one that stands. For SSH: against a bastion (\`ssh bastion ssh target\`), and against the target itself. For
HTTP: against nginx, against a proxy of node:https and undici, and against the targets themselves.

  npm run bench -- postgres                        all of it: about half an hour
  npm run bench -- postgres --quick                a little of each kind on little data, in two minutes
  npm run bench -- postgres --only 'select simple' the works whose names have this in them; may be given several times
  npm run bench -- postgres --list                 the works' names

  npm run bench -- masking                         masks and decisions: a quarter of an hour; takes the same options
  npm run bench -- hold                            approvals with 200 commands that wait: ten minutes; the same
  npm run bench -- mint                            users made for sessions: a quarter of an hour; the same

  npm run bench -- ssh                             streams, files, connections, keystrokes, memory: a quarter of an hour; the same

  npm run bench -- http                            requests, files, streams of tokens, memory: a quarter of an hour; the same

  --rounds N      rounds of each work (5); a ratio is the median of the rounds' ratios
  --seconds N     how long each peer's turn is (3)
  --json FILE     where the figures go as JSON (a file in the system's folder for temporary files)
  --strict        exit with code 1 when a ratio is short of what is wanted
  --relay         measure a bare TLS relay in Node as well: what can be reached at best
  --profile       run the gateway with V8's CPU profiler, and say where the profiles are; the figures are then lower

It needs PostgreSQL's server, psql and pgbench, and pgbouncer, from the machine; for SSH, OpenSSH's client and server;
for HTTP, nginx, wrk and curl. On Debian, as root:

  ${INSTALL}
  ${INSTALL_SSH}
  ${INSTALL_HTTP}

Exit codes: 0 measured, 1 something could not be measured (or was short, with --strict), 2 called in a way that
makes no sense.
`;

/** What can be measured. */
const subjects = ["postgres", "masking", "hold", "mint", "ssh", "http"] as const;
export type Subject = (typeof subjects)[number];

export interface Options {
  readonly subject: Subject;
  readonly quick: boolean;
  readonly list: boolean;
  readonly only: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
  readonly json: string;
  readonly strict: boolean;
  readonly relay: boolean;
  readonly profile: boolean;
}

/**
 * @returns undefined when only help is asked for
 * @throws TypeError for what is not understood
 */
export function readOptions(args: readonly string[]): Options | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
      only: { type: "string", multiple: true, default: [] },
      rounds: { type: "string" },
      seconds: { type: "string" },
      json: { type: "string" },
      strict: { type: "boolean", default: false },
      relay: { type: "boolean", default: false },
      profile: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return undefined;
  const [subject] = positionals;
  if (positionals.length !== 1 || !isSubject(subject)) {
    throw new TypeError(
      "say what: npm run bench -- postgres, masking, hold, mint, ssh or http (--help says more)",
    );
  }
  const { quick, list, only, strict, relay, profile } = values;
  return {
    ...{ subject, quick, list, only, strict, relay, profile },
    rounds: count("--rounds", values.rounds, quick ? 1 : 5),
    seconds: count("--seconds", values.seconds, quick ? 1 : 3),
    json:
      values.json ?? join(tmpdir(), `gatehouse-bench-${new Date().toISOString().replaceAll(":", "")}.json`),
  };
}

function isSubject(text: string | undefined): text is Subject {
  return subjects.some((subject) => subject === text);
}

function count(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new TypeError(`${name} takes a whole number from 1 to 9999`);
  return Number(text);
}
