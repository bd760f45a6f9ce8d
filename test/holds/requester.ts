import { setTimeout as pause } from "node:timers/promises";
import type { Demo } from "@gatehouse/demo";
import { type Answer, Client, extended, query, sync } from "./client.ts";
import type { Random } from "./random.ts";
import { execution, type Table } from "./site.ts";

/** What a requester does while its command waits, or just after that. */
export type Deed = "waits" | "cancels" | "vanishes" | "closes" | "terminates";

/** One held command, and what its client knows of it. */
export interface Asked {
  readonly id: string;
  readonly table: Table;
  readonly deed: Deed;
  /** What was sent that came to an answer or an end; the command's own is at `own`. */
  readonly answers: readonly Answer[];
  readonly own: number;
  /** The command stands in a transaction, which its client ends by this. */
  readonly transaction?: "commit" | "rollback";
}

/** Seconds after which an answer has not come, and never will. */
const STUCK = 40;
/** Milliseconds, for whatever is done at some time or other. */
const SOON = 60;

/** Asks for one thing after the other, each in its own way, over a connection that it opens anew when it has to. */
export class Requester {
  readonly #demo: Demo;
  readonly #port: number;
  readonly #random: Random;
  readonly #name: string;
  #client: Client | undefined;
  #rounds = 0;

  constructor(demo: Demo, port: number, name: string, random: Random) {
    this.#demo = demo;
    this.#port = port;
    this.#name = name;
    this.#random = random;
  }

  /** @throws where an answer does not come */
  async ask(deed?: Deed): Promise<Asked> {
    const random = this.#random.fork();
    const id = `${this.#name}-${this.#rounds++}`;
    const client = await this.#connected();
    const table = random.one<Table>({ one_yes: 6, two_yeses: 3, masked: 1 });
    const does = deed ?? random.one<Deed>({ waits: 70, cancels: 14, vanishes: 5, closes: 5, terminates: 6 });
    const transaction: Asked["transaction"] = random.chance(0.3)
      ? random.chance(0.7)
        ? "commit"
        : "rollback"
      : undefined;
    const segments = segmentsOf(random, table, id, transaction);
    const together = random.chance(0.5);
    const asked = {
      id,
      table,
      deed: does,
      own: transaction ? 1 : 0,
      ...(transaction ? { transaction } : {}),
    };
    const answers: Answer[] = [];
    if (together) client.send(...segments);
    const doing = does === "waits" ? undefined : this.#do(client, does, random);
    for (const segment of segments) {
      if (!together) client.send(segment);
      answers.push(await inTime(client.answer(), id));
    }
    await doing;
    return { ...asked, answers };
  }

  /** It is not there any more. */
  leave(): void {
    this.#client?.vanish();
  }

  async #connected(): Promise<Client> {
    // The gateway ends sessions at times of its own: a log-in that it does so in is tried again.
    while (!this.#client || this.#client.closed) {
      this.#client = await Client.open(this.#demo, this.#port).catch(() => undefined);
    }
    return this.#client;
  }

  async #do(client: Client, deed: Exclude<Deed, "waits">, random: Random): Promise<void> {
    if (random.chance(0.6)) await client.held();
    if (random.chance(0.5)) await pause(random.below(SOON));
    if (deed === "cancels") await client.cancel();
    else if (deed === "vanishes") client.vanish();
    else if (deed === "closes") client.close();
    else client.terminate();
  }
}

/** What is sent up to each ReadyForQuery. */
function segmentsOf(
  random: Random,
  table: Table,
  id: string,
  transaction: Asked["transaction"],
): readonly Buffer[] {
  const other = (when: string) => `insert into free values ('${id} ${when}')`;
  const own = segmentOf(random, table, id, other);
  if (transaction) return [query("begin"), own, query(transaction)];
  return random.chance(0.3) ? [own, query(other("after"))] : [own];
}

function segmentOf(random: Random, table: Table, id: string, other: (when: string) => string): Buffer {
  const way = random.one({ simple: 4, extended: 2, values: 3 });
  const text = execution(table, id);
  if (way === "simple") return query(text);
  const one = way === "extended" ? extended(text) : extended(text.replace(`'${id}'`, "$1"), id);
  const before = random.chance(0.3) ? [extended(other("before"))] : [];
  const behind = random.chance(0.3) ? [extended(other("behind"))] : [];
  return Buffer.concat([...before, one, ...behind, sync]);
}

async function inTime<T>(awaited: Promise<T>, id: string): Promise<T> {
  const stuck = new AbortController();
  try {
    return await Promise.race([
      awaited,
      pause(STUCK * 1000, undefined, stuck).then((): never => {
        throw new Error(`${id} is stuck: no answer has come within ${STUCK} s.`);
      }),
    ]);
  } finally {
    stuck.abort();
  }
}
