import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { type Command, messageOf, type OpenSession, Secret } from "@gatehouse/core";
import { issuePermit } from "@gatehouse/core/permit";
import { createMemoryLog, type PostgresServer, Random, sampleSession } from "@gatehouse/testkit";
import { Analyzer } from "../src/analysis/analyzer.ts";
import { SessionReading } from "../src/reading.ts";
import { hideAll } from "../src/masking/values.ts";
import { SessionCatalog } from "../src/catalog/session-catalog.ts";
import { SurroundingsOfTargets } from "../src/surroundings.ts";
import { ClientSession } from "../src/session.ts";
import { Upstream } from "../src/upstream.ts";
import { leaseOf, targetAt } from "../test/support/target.ts";
import { conversation } from "./conversations.ts";
import { encode, type Step } from "./steps.ts";

/** Idioms or messages of a session, at the most: one that never ends would keep all its names. */
const SESSION = 400;
/** Messages that are sent at a time: a session that has ended is sent no more. */
const BATCH = 20;
/** Ends a COPY, a segment, the session. */
const END = Buffer.concat(([["copy-done"], ["sync"], ["terminate"]] satisfies Step[]).map(encode));
/** Milliseconds after which a session that has been told to end is held to hang. */
const PATIENCE = 30_000;

const limits = { statement: 10_000, message: 100_000, startup: 10_000 };

/** Bytes by which the heap may differ from itself: what a million frames leave behind would be far more. */
export const GROWTH = 16 * 1024 * 1024;

export interface Frames {
  /** Frames that were sent, all in all. */
  readonly sent: number;
  readonly sessions: number;
  /** Bytes of V8's heap and of buffers after a full collection, once warm and at the end. */
  readonly before: number;
  readonly after: number;
}

/**
 * Sends random frames through sessions, one after the other, to a real server: whole conversations, stray messages, and
 * one in fifty broken.
 * @param collect V8's garbage collection
 * @throws Error when a session does not end, or ends by a fault of the gateway's
 */
export async function sendFrames(
  server: PostgresServer,
  count: number,
  seed: number,
  collect: () => void,
): Promise<Frames> {
  const analyzer = new Analyzer();
  const listener = createServer();
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const used = () => {
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  let sent = 0;
  let sessions = 0;
  let before: number | undefined;
  try {
    while (sent < count) {
      const random = new Random(seed + sessions);
      // What stays for good, caches and compiled code, is there by then.
      if (before === undefined && sent > count / 4) before = used();
      try {
        sent += await playSession(server, analyzer, listener, random, count - sent);
      } catch (error) {
        throw new Error(`seed ${seed + sessions}: ${messageOf(error)}`, { cause: error });
      }
      sessions++;
    }
    return { sent, sessions, before: before ?? used(), after: used() };
  } finally {
    listener.close();
    await analyzer.dispose();
  }
}

/** @returns frames that were sent */
async function playSession(
  server: PostgresServer,
  analyzer: Analyzer,
  listener: Server,
  random: Random,
  most: number,
): Promise<number> {
  const mix = { length: SESSION, stray: 0.5, broken: random.pick([0, 0.01]) };
  const steps: Step[] = conversation(random, mix).slice(0, most);
  const { user, password } = server.superuser;
  const lease = leaseOf(user, new Secret(password));
  const parameters = new Map([
    ["database", "postgres"],
    ["search_path", "public"],
  ]);
  const upstream = await Upstream.connect(targetAt([server]), lease, parameters, 30_000);
  const reading = new SessionReading(user);
  reading.note({ name: "search_path", value: "public" }, false);
  for (const parameter of upstream.takeParameters()) reading.note(parameter, true);
  const [client, accepted] = await pair(listener);
  const log = createMemoryLog();
  const running = new ClientSession({
    client: accepted,
    upstream,
    session: openSession(random, lease),
    analyzer,
    reading,
    replication: "none",
    values: hideAll,
    catalog: new SessionCatalog(undefined),
    surroundings: new SurroundingsOfTargets(() => Promise.resolve(lease), log),
    limits,
    log,
  }).run();
  client.resume();
  const late = setTimeout(() => client.destroy(new Error("the session does not end")), PATIENCE);
  const failures: Error[] = [];
  client.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "ECONNRESET" && error.code !== "EPIPE") failures.push(error);
  });
  let sent = 0;
  for (; sent < steps.length && client.writable; sent += BATCH) {
    const bytes = Buffer.concat(steps.slice(sent, sent + BATCH).map(encode));
    for (const piece of random.split(bytes, 2)) client.write(piece);
    await new Promise(setImmediate);
  }
  client.write(END);
  // A broken message may be waiting for what was to come after the end.
  if (steps.some(([kind]) => kind === "raw")) client.end();
  await running;
  clearTimeout(late);
  client.destroy();
  const fault = log.entries.find(({ level }) => level === "error");
  if (fault) throw new Error(`${fault.message}: ${JSON.stringify(steps)}`, { cause: fault.fields });
  const [failure] = failures;
  if (failure) throw failure;
  return Math.min(sent, steps.length);
}

/** Both ends of one connection. */
async function pair(listener: Server): Promise<[Socket, Socket]> {
  const address = listener.address();
  if (address === null || typeof address !== "object") throw new Error("The listener has no port.");
  const accepted = once(listener, "connection") as Promise<[Socket]>;
  const client = connect({ host: "127.0.0.1", port: address.port });
  const [socket] = await accepted;
  // As the gateway's listener has it: what a connection ends by is seen at its end.
  socket.on("error", () => undefined);
  return [client, socket];
}

/** A session that refuses one command in ten, and keeps nothing of what it was asked. */
function openSession(random: Random, lease: OpenSession["lease"]): OpenSession {
  const refusal = { kind: "policy", message: "No.", reference: "ref_1" } as const;
  const rule = { policy: "fuzz", rule: "most", source: "fuzz:1" };
  return {
    session: sampleSession,
    lease,
    ended: new AbortController().signal,
    masks: [],
    decide(command: Command) {
      if (random.chance(0.1)) return { effect: "block", verdict: Promise.resolve({ ok: false, refusal }) };
      const decision = { effect: "allow", rule, policyVersion: "fuzz" } as const;
      return {
        effect: "allow",
        verdict: Promise.resolve({ ok: true, permit: issuePermit(command), decision }),
      };
    },
    recall: (approval) => ({ approval, gone: () => undefined, outcome: () => undefined }),
    standing: () => Promise.resolve(undefined),
    refuse: ({ text: _, ...refused }) => Promise.resolve({ ...refused, reference: "ref_2" }),
    moved: () => Promise.resolve(),
    recorded: () => Promise.resolve(),
    activity: () => undefined,
    close: () => Promise.resolve(),
  };
}
