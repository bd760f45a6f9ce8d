import type { Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { Secret } from "@gatehouse/core";
import { type PostgresServer, startPostgres } from "@gatehouse/testkit";
import { ByteReader } from "@gatehouse/wire";
import { decodeErrorResponse } from "../src/codec/error-response.ts";
import { type Frame, FrameReader } from "../src/codec/framing.ts";
import { connectTarget } from "../src/target-connection.ts";
import { type Front, startFront } from "../test/support/front.ts";
import { letter } from "../test/support/raw-client.ts";
import { leaseOf, targetAt } from "../test/support/target.ts";
import { REFUSED } from "./conversations.ts";
import type { Random } from "./random.ts";
import { encode, type Step } from "./steps.ts";

/** Milliseconds after which a conversation that has not ended is held to hang. */
const PATIENCE = 20_000;

/** Made to fail where the gate would refuse it: the server's own failure is what a refusal has to look like. */
const FAILING = "gatehouse_refused";

/** Closes a conversation: out of a COPY, to a Sync, one last answer, and the end. */
const EPILOGUE: readonly Step[] = [
  ["copy-fail", "the end"],
  ["sync"],
  ["query", "select 'the end'"],
  ["terminate"],
];

/** What a client heard: each message in a word, and how it ended. */
export interface Heard {
  readonly messages: readonly string[];
  readonly end: "closed" | "hangs" | "in the middle of a message";
}

/** A server, and the gateway in front of it. */
export interface Site {
  readonly front: Front;
  readonly server: PostgresServer;
  close(): Promise<void>;
}

export async function startSite(): Promise<Site> {
  const server = await startPostgres();
  const front = await startFront({
    address: server,
    password: server.superuser.password,
    allow: ({ facts }) => !String(facts["text"]).includes(REFUSED),
  });
  const site = {
    front,
    server,
    async close() {
      await front.close();
      await server.stop();
    },
  };
  await straight(site, [
    [
      "query",
      `create function own(n int) returns int language plpgsql as 'begin return 1 / n; end';
       create function change_path() returns text language sql as
         $$ select set_config('search_path', 'pg_catalog', false) $$`,
    ],
  ]);
  return site;
}

/** The same conversation, with the server itself. */
export async function straight(site: Site, steps: readonly Step[]): Promise<Heard> {
  const connection = await connectTarget(
    targetAt([site.server]),
    leaseOf("postgres", new Secret(site.server.superuser.password)),
    new Map([
      ["database", "postgres"],
      ["search_path", '"public"'],
    ]),
  );
  if (connection.rest.length > 0) connection.socket.unshift(connection.rest);
  return converse(connection.socket, [Buffer.concat([...prologue, ...steps.map(failing), ...epilogue])]);
}

/** The conversation through the gateway, its bytes in pieces. */
export async function through(site: Site, steps: readonly Step[], random: Random): Promise<Heard> {
  const client = await site.front.connect();
  client.release();
  const chunks: Buffer[] = [...prologue];
  for (const step of steps) chunks.push(step[0] === "pause" ? Buffer.alloc(0) : encode(step));
  chunks.push(...epilogue);
  if (random.chance(0.3)) return converse(client.socket, [Buffer.concat(chunks)]);
  const pieces = chunks.flatMap((chunk) =>
    chunk.length > 1 && random.chance(0.2) ? random.split(chunk, 1) : [chunk],
  );
  return converse(client.socket, random.chance(0.5) ? pieces : [Buffer.concat(pieces)], random);
}

const prologue = [encode(["query", "create temp table t (n int)"])];
const epilogue = EPILOGUE.map(encode);

function failing(step: Step): Buffer {
  if (step[0] === "query" && step[1].includes(REFUSED)) return encode(["query", FAILING]);
  // Under a name of its own: an unnamed statement that is refused leaves the older one in its place.
  if (step[0] === "parse" && step[2].includes(REFUSED)) return encode(["parse", FAILING, FAILING]);
  return encode(step);
}

async function converse(socket: Socket, chunks: readonly Buffer[], random?: Random): Promise<Heard> {
  const reader = new FrameReader(1024 * 1024 * 1024);
  const messages: string[] = [];
  socket.on("data", (chunk: Buffer) => {
    reader.push(chunk);
    for (let next = reader.next(); next; next = reader.next()) messages.push(...worded(next));
  });
  // A reset is an end like any other.
  socket.on("error", () => undefined);
  const closed = new Promise<"closed">((resolve) => {
    if (socket.destroyed) resolve("closed");
    socket.once("end", () => socket.destroy());
    socket.once("close", () => resolve("closed"));
  });
  for (const chunk of chunks) {
    if (!socket.writable) break;
    if (chunk.length > 0) socket.write(chunk);
    else await pause(random?.pick([0, 1, 10]));
  }
  const patience = new AbortController();
  const late = pause(PATIENCE, "hangs" as const, { signal: patience.signal }).catch(() => "closed" as const);
  const end = await Promise.race([closed, late]);
  patience.abort();
  socket.destroy();
  return { messages, end: reader.rest().length > 0 ? "in the middle of a message" : end };
}

/** A message in a word: what a client would notice, and nothing that differs from run to run. */
function worded(frame: Frame): string[] {
  const type = letter(frame);
  const body = frame.body.toString("latin1");
  switch (type) {
    case "E": {
      const fields = decodeErrorResponse(frame.body);
      const refused =
        /^Reference: ref_/.test(fields.get("D") ?? "") && fields.get("M") === "No."
          ? true
          : (fields.get("M") ?? "").includes(`"${FAILING}"`);
      if (process.env["FUZZ_KNOWN"] && (fields.get("C") === "34000" || fields.get("C") === "26000"))
        return ["E ERROR 26/34000"];
      return [refused ? "E refused" : `E ${fields.get("V") ?? ""} ${fields.get("C") ?? ""}`];
    }
    case "N":
      return [`N ${decodeErrorResponse(frame.body).get("C") ?? ""}`];
    case "T":
      return [`T ${columns(frame.body)}`];
    // Without the process id.
    case "A":
      return [`A ${body.slice(4)}`];
    case "D":
      return [`D ${body.length > 60 ? body.length : body}`];
    default:
      return [`${type} ${body}`];
  }
}

/** The columns of a RowDescription, by name and type; tables of a session's own have another object id each time. */
function columns(body: Buffer): string {
  const reader = new ByteReader(body);
  const list: string[] = [];
  for (let left = reader.uint16(); left > 0; left--) {
    const name = reader.cstring();
    reader.bytes(6);
    list.push(`${name} ${reader.uint32()} ${reader.bytes(6).readInt16BE(4)}`);
  }
  return list.join();
}

/** Where the two part, or undefined where they are the same to a client. */
export function difference(server: Heard, gateway: Heard): string | undefined {
  const [left, right] = [told(server), told(gateway)];
  const at = left.findIndex((message, index) => message !== right[index]);
  if (at === -1 && left.length === right.length) return undefined;
  const place = at === -1 ? left.length : at;
  const line = ({ length }: { length: number }, list: readonly string[]) =>
    list
      .slice(Math.max(0, place - 3), place + 4)
      .concat(place + 4 < length ? ["..."] : [])
      .join(" | ");
  return `message ${place}:\n  server:  ${line(left, left)}\n  gateway: ${line(right, right)}`;
}

/**
 * What was said up to the end. At a message that it does not know where the next one begins behind, the server says
 * an error, then ends the session with another, or ends it without a word (COMMERROR); the gateway says the last only.
 */
function told({ messages, end }: Heard): string[] {
  const list = messages.map((message) => JSON.stringify(message));
  if (end !== "closed") return [...list, end];
  while (/^"E (FATAL|ERROR) 08P01"$/.test(list.at(-1) ?? "")) list.pop();
  return [...list, end];
}
