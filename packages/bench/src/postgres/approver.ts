import { Agent, request } from "node:https";
import type { IncomingMessage } from "node:http";
import { z } from "zod";

/** Answers that one address gives: of more at once than 60, the gateway takes one a second. */
const ANSWERS_EACH = 50;

const page = z.object({ approvals: z.array(z.unknown()) });
const approved = z.object({ answers: z.tuple([z.object({ at: z.iso.datetime() })]) });

/** Where and as whom. */
export interface ApproverOptions {
  readonly port: number;
  readonly ca: string;
  readonly token: string;
}

/** Addresses of loopback that nobody has answered from. */
let lastAddress = 0;

/**
 * A person who answers what is held, by the API over TLS: on a connection that is open, and each few answers from an
 * address of their own, as of many people.
 */
export class Approver {
  readonly #options: ApproverOptions;
  readonly #watching: Agent;
  #agent: Agent;
  #left = 0;

  constructor(options: ApproverOptions) {
    this.#options = options;
    this.#watching = new Agent({ ca: options.ca });
    this.#agent = new Agent({ ca: options.ca });
  }

  /** Sees to it that the next answer finds an open connection, at an address that may give one. */
  async prepare(): Promise<void> {
    if (this.#left > 0) return;
    this.#agent.destroy();
    const localAddress = loopbackAddress(++lastAddress);
    this.#agent = new Agent({ ca: this.#options.ca, keepAlive: true, maxSockets: 1, localAddress });
    this.#left = ANSWERS_EACH;
    await this.sees();
  }

  /**
   * Says yes.
   * @returns when the gateway has looked at it, in milliseconds since the epoch
   */
  async approve(id: string): Promise<number> {
    this.#left--;
    const {
      answers: [{ at }],
    } = approved.parse(await this.#asked("POST", `/v1/approvals/${id}/approve`));
    return Date.parse(at);
  }

  /** Whether anything waits for an answer. */
  async sees(): Promise<boolean> {
    const { approvals } = page.parse(await this.#asked("GET", "/v1/approvals?state=pending&limit=1"));
    return approvals.length > 0;
  }

  /** Follows the changes from here on, as who looks after them does. */
  async watch(): Promise<void> {
    const response = await this.#send("GET", "/v1/approvals/events", this.#watching);
    if (response.statusCode !== 200)
      throw new Error(`The changes can't be followed: ${response.statusCode}.`);
    response.on("error", () => undefined).resume();
  }

  /** Ends its connections. */
  close(): void {
    this.#agent.destroy();
    this.#watching.destroy();
  }

  async #asked(method: string, path: string): Promise<unknown> {
    const response = await this.#send(method, path, this.#agent);
    let text = "";
    for await (const chunk of response.setEncoding("utf8")) text += String(chunk);
    if (response.statusCode !== 200) throw new Error(`${method} ${path}: ${response.statusCode} ${text}`);
    return JSON.parse(text);
  }

  #send(method: string, path: string, agent: Agent): Promise<IncomingMessage> {
    const { port, token } = this.#options;
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}` };
      request({ host: "127.0.0.1", port, method, path, agent, headers }, resolve).on("error", reject).end();
    });
  }
}

/** One of 127.0.0.0/8 but what programs listen at; Linux has all of them. */
export function loopbackAddress(number: number): string {
  return `127.${1 + ((number >> 16) % 254)}.${(number >> 8) & 255}.${number & 255}`;
}
