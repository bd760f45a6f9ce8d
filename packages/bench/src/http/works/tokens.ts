import { join } from "node:path";
import { z } from "zod";
import { run } from "../../processes.ts";
import { quantile } from "../../statistics.ts";
import { clientEnvironment } from "../clients/environment.ts";
import type { Site } from "../site.ts";
import type { HttpPeer, HttpWork } from "../stage.ts";
import { RATE, STREAM } from "../stream.ts";

const CLIENTS = join(import.meta.dirname, "..", "clients");
/** Above what it was told: to begin, and for what comes late. */
const GRACE = 90_000;

/** Seconds in which all clients have to have begun. */
const TO_BEGIN = 60;
/** Tokens of a stream of which only the first ones are waited for. */
const FEW = 20;

const tokensRead = z.object({ rate: z.number(), count: z.number(), p50: z.number(), p99: z.number() });

/** Streams of events, read by so many clients at once: how many of the tokens that are due come, and how late. */
export function tokens(clients: number): HttpWork {
  const name = `tokens ${clients} x ${RATE}`;
  return {
    name,
    lines: [
      { name, unit: "tokens/s", against: "direct", wanted: { atLeast: 0.95 } },
      { name: `${name}, p50`, unit: "ms", against: "beyond direct" },
      { name: `${name}, p99`, unit: "ms", against: "beyond direct", wanted: { atMost: 100 } },
    ],
    peers: ["direct", "nginx", "node", "gateway"],
    set: "tokens",
    async sample({ site }, peer, seconds) {
      const args = [clients, RATE * (TO_BEGIN + seconds), seconds];
      const printed = await client(site, peer, { main: "tokens-main.ts", args, seconds });
      const { rate, count, p50, p99 } = tokensRead.parse(JSON.parse(printed));
      return { figures: [rate, p50, p99], count };
    },
  };
}

/** How long a client waits for the first token: with masks that are looked for in the text, and without. */
export function firstToken(): HttpWork {
  const name = "first token, masked";
  return {
    name,
    lines: [
      { name: `${name}, p50`, unit: "ms", against: "beyond unmasked", wanted: { atMost: 20 } },
      { name: `${name}, p99`, unit: "ms", against: "beyond unmasked" },
    ],
    peers: ["direct", "unmasked", "gateway"],
    set: "tokens",
    async sample({ site }, peer, seconds) {
      const masked = peer.name === "gateway";
      const printed = await client(site, peer, {
        main: "first-token-main.ts",
        args: [seconds, FEW],
        seconds,
        masked,
      });
      const times = z.array(z.number()).parse(JSON.parse(printed));
      return { figures: [quantile(times, 0.5), quantile(times, 0.99)], count: times.length };
    },
  };
}

interface Client {
  readonly main: string;
  readonly args: readonly number[];
  readonly seconds: number;
  readonly masked?: boolean;
}

/** Runs one of the clients to its end. */
function client(
  site: Site,
  peer: HttpPeer,
  { main, args, seconds, masked = false }: Client,
): Promise<string> {
  const call = {
    program: process.execPath,
    args: ["--disable-warning=ExperimentalWarning", join(CLIENTS, main), ...args.map(String)],
    env: clientEnvironment(site, peer, { target: "model", path: STREAM, masked }),
    ...{ cwd: site.folder, signal: site.signal },
  };
  return run(call, seconds * 1000 + GRACE);
}
