import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import { once } from "node:events";
import type { TLSSocket } from "node:tls";
import type { Demo } from "@gatehouse/demo";
import { message, securedConnection, startupMessage } from "../raw.ts";
import type { Step } from "./attempts.ts";

/** In which way a client asks. */
export const modes = ["simple", "extended", "row by row"] as const;
/** Simple: a Query. Extended: unnamed, in text format. Row by row: named, in binary format, one row an Execute. */
export type Mode = (typeof modes)[number];

/** One message of the server. */
export interface Answer {
  readonly letter: string;
  readonly body: Buffer;
}

/** Where to, and as whom. */
export interface Way {
  readonly demo: Demo;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** Milliseconds after which an attempt has no answer any more. */
const LIMIT = 20_000;

/** A client of bytes, which keeps everything that it receives once it is logged in. */
export class Session {
  readonly #socket: TLSSocket;
  /** Ends what waits for an answer for too long. */
  readonly #limit = AbortSignal.timeout(LIMIT);
  #unread = Buffer.alloc(0);
  #received: Buffer[] = [];
  #answers: Answer[] = [];
  #ended = false;

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#received.push(chunk);
      this.#unread = Buffer.concat([this.#unread, chunk]);
    });
    socket.once("close", () => {
      this.#ended = true;
    });
  }

  /** Logs in by password: in the clear, as the gateway asks for it, or by SCRAM, as the server does. */
  static async open({ demo, port, user, password, database }: Way): Promise<Session> {
    const session = new Session(await securedConnection(demo, port));
    session.#send(startupMessage({ user, database, application_name: "oracle" }));
    let scram: Scram | undefined;
    for (;;) {
      const answer = await session.#next();
      if (answer === undefined || answer.letter === "E") throw new Error(`no login: ${String(answer?.body)}`);
      if (answer.letter === "Z") break;
      if (answer.letter !== "R") continue;
      const kind = answer.body.readInt32BE(0);
      if (kind === 3) session.#send(message("p", cstring(password)));
      if (kind === 10) {
        scram = new Scram(password);
        const first = Buffer.from(scram.first());
        session.#send(message("p", Buffer.concat([cstring("SCRAM-SHA-256"), int32(first.length), first])));
      }
      if (kind === 11 && scram) {
        session.#send(message("p", Buffer.from(scram.final(answer.body.toString("utf8", 4)))));
      }
    }
    session.#received = [];
    session.#answers = [];
    return session;
  }

  /** All bytes since the login, and the same as messages. */
  get received(): Buffer {
    return Buffer.concat(this.#received);
  }

  get answers(): readonly Answer[] {
    return this.#answers;
  }

  /** Asks, and waits for all that is said to it. */
  async ask(step: Step, mode: Mode): Promise<void> {
    if (this.#ended) return;
    const { sql = "", parameters = [], data } = step;
    if (step.call !== undefined) this.#send(call(step.call, parameters));
    else if (mode === "simple") this.#send(message("Q", cstring(sql)));
    else this.#send(extended(sql, parameters, mode));
    for (let answer = await this.#next(); answer; answer = await this.#next()) {
      if (answer.letter === "Z") return;
      if (answer.letter === "G") {
        this.#send(message("d", Buffer.from(data ?? "")), message("c", Buffer.alloc(0)));
        // The server passes over the Sync that was sent before the data.
        this.#send(mode === "extended" ? SYNC : FLUSH);
      }
      if (mode !== "row by row" || step.call !== undefined) continue;
      if (answer.letter === "s") this.#send(EXECUTE_ONE, FLUSH);
      else if (answer.letter === "C" || answer.letter === "I" || answer.letter === "E") this.#send(SYNC);
    }
  }

  async close(): Promise<void> {
    if (this.#ended) return;
    this.#socket.end(message("X", Buffer.alloc(0)));
    await once(this.#socket, "close");
  }

  #send(...messages: readonly Buffer[]): void {
    if (!this.#ended) this.#socket.write(Buffer.concat(messages));
  }

  /** The next message; undefined when the session has ended. @throws Error when nothing comes for too long */
  async #next(): Promise<Answer | undefined> {
    for (;;) {
      const whole = this.#unread.length >= 5 ? 1 + this.#unread.readInt32BE(1) : Number.POSITIVE_INFINITY;
      if (this.#unread.length >= whole) {
        const answer = {
          letter: this.#unread.toString("latin1", 0, 1),
          body: this.#unread.subarray(5, whole),
        };
        this.#unread = this.#unread.subarray(whole);
        this.#answers.push(answer);
        return answer;
      }
      if (this.#ended) return undefined;
      const turn = new AbortController();
      const signal = AbortSignal.any([turn.signal, this.#limit]);
      try {
        await Promise.race([once(this.#socket, "data", { signal }), once(this.#socket, "close", { signal })]);
      } finally {
        turn.abort();
      }
    }
  }
}

const SYNC = message("S", Buffer.alloc(0));
const FLUSH = message("H", Buffer.alloc(0));
const EXECUTE_ONE = message("E", Buffer.concat([cstring("p"), int32(1)]));

function extended(sql: string, parameters: readonly (string | null)[], mode: Mode): Buffer {
  const alone = mode === "extended";
  const statement = cstring(alone ? "" : "s");
  const portal = cstring(alone ? "" : "p");
  // A name that is taken would fail.
  const renew = alone
    ? []
    : [
        message("C", Buffer.concat([Buffer.from("S"), statement])),
        message("C", Buffer.concat([Buffer.from("P"), portal])),
      ];
  return Buffer.concat([
    ...renew,
    message("P", Buffer.concat([statement, cstring(sql), int16(0)])),
    message("D", Buffer.concat([Buffer.from("S"), statement])),
    message(
      "B",
      Buffer.concat([portal, statement, int16(0), values(parameters), int16(1), int16(alone ? 0 : 1)]),
    ),
    message("D", Buffer.concat([Buffer.from("P"), portal])),
    ...(alone ? [message("E", Buffer.concat([portal, int32(0)])), SYNC] : [EXECUTE_ONE, FLUSH]),
  ]);
}

/** A FunctionCall, with arguments and result in text format. */
function call(oid: number, parameters: readonly (string | null)[]): Buffer {
  return message("F", Buffer.concat([int32(oid), int16(0), values(parameters), int16(0)]));
}

function values(parameters: readonly (string | null)[]): Buffer {
  const each = parameters.map((value) => {
    const bytes = value === null ? undefined : Buffer.from(value);
    return Buffer.concat([int32(bytes?.length ?? -1), bytes ?? Buffer.alloc(0)]);
  });
  return Buffer.concat([int16(parameters.length), ...each]);
}

function cstring(text: string): Buffer {
  return Buffer.from(`${text}\0`);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** The client's side of RFC 5802 with SHA-256, for a server that is known: its own proof is not looked at. */
class Scram {
  readonly #password: string;
  readonly #bare = `n=,r=${randomBytes(18).toString("base64")}`;

  constructor(password: string) {
    this.#password = password;
  }

  first(): string {
    return `n,,${this.#bare}`;
  }

  final(serverFirst: string): string {
    const [, nonce = "", salt = "", count = ""] = /^r=([^,]*),s=([^,]*),i=(\d+)/.exec(serverFirst) ?? [];
    const salted = pbkdf2Sync(this.#password, Buffer.from(salt, "base64"), Number(count), 32, "sha256");
    const clientKey = createHmac("sha256", salted).update("Client Key").digest();
    const stored = createHash("sha256").update(clientKey).digest();
    const bare = `c=biws,r=${nonce}`;
    const signature = createHmac("sha256", stored).update(`${this.#bare},${serverFirst},${bare}`).digest();
    const proof = clientKey.map((byte, index) => byte ^ (signature[index] ?? 0));
    return `${bare},p=${Buffer.from(proof).toString("base64")}`;
  }
}
