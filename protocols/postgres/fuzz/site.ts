import type { Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { Secret } from "@gatehouse/core";
import { type PostgresServer, type Random, startPostgres } from "@gatehouse/testkit";
import { FrameReader, typeCode } from "../src/codec/framing.ts";
import { connectTarget, type TargetConnection } from "../src/target-connection.ts";
import { type Front, startFront } from "../test/support/front.ts";
import { leaseOf, targetAt } from "../test/support/target.ts";
import { REFUSED } from "./conversations.ts";
import { FAILING, type Heard, inWords } from "./heard.ts";
import { encode, type Step } from "./steps.ts";

/** Milliseconds after which a conversation that has not ended is held to hang. */
const PATIENCE = 30_000;

const READY_FOR_QUERY = typeCode("Z");

/** Begins each conversation. */
const PROLOGUE = encode(["query", "create temp table t (n int)"]);
/** Ends each: out of a COPY, to a Sync, one last answer, goodbye. */
const EPILOGUE = (
  [["copy-fail", "the end"], ["sync"], ["query", "select 'the end'"], ["terminate"]] satisfies Step[]
).map(encode);

/** Functions of somebody's own: what they do, no grammar tells. */
const FUNCTIONS = `
  create function own(n int) returns int language plpgsql as 'begin return 1 / n; end';
  create function change_path() returns text language sql as
    $$ select set_config('search_path', 'pg_catalog', false) $$`;

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
    allow: ({ text }) => !text.includes(REFUSED),
  });
  await straight(server, [["query", FUNCTIONS]]);
  return {
    front,
    server,
    async close() {
      await front.close();
      await server.stop();
    },
  };
}

/** A connection to the server itself, as the gateway would make it. */
export function connectServer(server: PostgresServer): Promise<TargetConnection> {
  const parameters = new Map([
    ["database", "postgres"],
    ["search_path", "public"],
  ]);
  const { user, password } = server.superuser;
  return connectTarget(targetAt([server]), leaseOf(user, new Secret(password)), parameters);
}

/** What the server itself says to these messages; those that the gate would refuse fail there. */
export async function straight(server: PostgresServer, steps: readonly Step[]): Promise<Heard> {
  const { socket, rest } = await connectServer(server);
  if (rest.length > 0) socket.unshift(rest);
  return converse(socket, [Buffer.concat([PROLOGUE, ...steps.map(failing), ...EPILOGUE])]);
}

/** What the gateway says to them, in whatever pieces and at whatever times they come. */
export async function through(front: Front, steps: readonly Step[], random: Random): Promise<Heard> {
  const client = await front.connect();
  client.release();
  const whole = random.chance(0.3);
  const pieces: Piece[] = [PROLOGUE];
  for (const step of steps) {
    // The prologue is answered too.
    if (step[0] === "read") pieces.push(step[1] + 1);
    else if (whole) pieces.push(encode(step));
    else pieces.push(...random.split(encode(step), random.chance(0.2) ? 1 : 0));
  }
  pieces.push(...EPILOGUE);
  return converse(client.socket, whole ? joined(pieces) : pieces, whole ? undefined : random);
}

/** Bytes to send, or how often ReadyForQuery is to be read first. */
type Piece = Buffer | number;

/** Neighbouring bytes are one piece. */
function joined(pieces: readonly Piece[]): Piece[] {
  const list: Piece[] = [];
  for (const piece of pieces) {
    const last = list.at(-1);
    if (Buffer.isBuffer(piece) && Buffer.isBuffer(last)) list[list.length - 1] = Buffer.concat([last, piece]);
    else list.push(piece);
  }
  return list;
}

function failing(step: Step): Buffer {
  if (step[0] === "query" && step[1].includes(REFUSED)) return encode(["query", FAILING]);
  if (step[0] === "parse" && step[2].includes(REFUSED)) return encode(["parse", step[1], FAILING]);
  return encode(step);
}

/** Says it piece by piece, with pauses where a piece is empty, and listens to the end. */
async function converse(socket: Socket, pieces: readonly Piece[], random?: Random): Promise<Heard> {
  const reader = new FrameReader(1024 * 1024 * 1024);
  const messages: string[] = [];
  let ready = 0;
  let heard: () => void = () => undefined;
  socket.on("data", (chunk: Buffer) => {
    reader.push(chunk);
    for (let next = reader.next(); next; next = reader.next()) {
      messages.push(inWords(next));
      if (next.type === READY_FOR_QUERY) ready++;
    }
    heard();
  });
  // A reset is an end like any other.
  socket.on("error", () => undefined);
  const closed = new Promise<"closed">((resolve) => {
    socket.once("end", () => socket.destroy());
    socket.once("close", () => resolve("closed"));
    if (socket.closed) resolve("closed");
  });
  const listened = new AbortController();
  const late = pause(PATIENCE, "hangs" as const, { signal: listened.signal });
  late.catch(() => undefined);
  const end = Promise.race([closed, late]);
  let patient = true;
  const isOver = () => !patient || !socket.writable;
  const ended = end.then(() => {
    patient = false;
  });
  for (const piece of pieces) {
    if (isOver()) break;
    if (typeof piece === "number") {
      while (ready < piece && !isOver()) {
        await Promise.race([ended, new Promise<void>((resolve) => (heard = resolve))]);
      }
    } else if (piece.length > 0) socket.write(piece);
    else await pause(random?.pick([0, 1, 10]));
  }
  await end;
  listened.abort();
  socket.destroy();
  return { messages, end: reader.rest().length > 0 ? "in the middle of a message" : await end };
}
