import { readFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { type ApprovalBody, approvalSchema, pageSchema } from "@gatehouse/api/bodies";
import type { Demo } from "@gatehouse/demo";

export interface Word {
  readonly answer: "approve" | "deny";
  readonly reason: string;
  /** Milliseconds that the person takes for it. */
  readonly after?: number;
}

/** What somebody says to a command that waits; undefined is nothing at all. */
export type Says = (approval: ApprovalBody) => Word | undefined;

/** The demo's dana, who answers what waits by the API of a control plane. */
export class Approver {
  readonly #origin: string;
  readonly #token: string;
  readonly #agent: Agent;
  readonly #ended = new AbortController();
  /** The approvals that were answered by a request of their own. */
  readonly answered = new Set<string>();
  /** What has gone wrong, in words. */
  readonly wrong: string[] = [];

  private constructor(origin: string, token: string, ca: string) {
    this.#origin = origin;
    this.#token = token;
    this.#agent = new Agent({ ca });
  }

  /** Resolves when every command that waits from now on will be answered. */
  static async at({ variables }: Demo, port: number, says: Says): Promise<Approver> {
    const ca = await readFile(variables["GATEHOUSE_CA"] ?? "", "utf8");
    const approver = new Approver(`https://localhost:${port}`, variables["GATEHOUSE_TOKEN"] ?? "", ca);
    const stream = await approver.#send("GET", "/v1/approvals/events");
    if (stream.statusCode !== 200) throw new Error(`no events: ${stream.statusCode}`);
    approver.#follow(stream, says).catch((error: unknown) => approver.#failed(error));
    return approver;
  }

  /** All that there have been, the newest first. */
  async all(): Promise<readonly ApprovalBody[]> {
    const all: ApprovalBody[] = [];
    for (let before = ""; ; ) {
      const response = await this.#send("GET", `/v1/approvals?limit=100${before}`);
      const { approvals, next } = pageSchema.parse(JSON.parse(await text(response)));
      all.push(...approvals);
      if (next === undefined) return all;
      before = `&before=${next}`;
    }
  }

  close(): void {
    this.#ended.abort();
    this.#agent.destroy();
  }

  /** Each event has its data in one line (docs/approvals.md). */
  async #follow(stream: IncomingMessage, says: Says): Promise<void> {
    let rest = "";
    for await (const part of stream.setEncoding("utf8") as AsyncIterable<string>) {
      const blocks = (rest + part).split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) {
        const data = /^data: ?(.*)$/m.exec(block)?.[1];
        if (data === undefined || !/^event: ?requested$/m.test(block)) continue;
        const approval = approvalSchema.parse(JSON.parse(data));
        const word = says(approval);
        if (word) this.#answer(approval, word).catch((error: unknown) => this.#failed(error));
      }
    }
    throw new Error("the stream of events has ended");
  }

  async #answer({ id }: ApprovalBody, { answer, reason, after = 0 }: Word): Promise<void> {
    if (after > 0) await pause(after, undefined, { signal: this.#ended.signal });
    this.answered.add(id);
    const response = await this.#send("POST", `/v1/approvals/${id}/${answer}`, JSON.stringify({ reason }));
    const told = await text(response);
    if (response.statusCode !== 200) this.wrong.push(`${answer} ${id}: ${told}`);
  }

  #failed(error: unknown): void {
    if (!this.#ended.signal.aborted) this.wrong.push(String(error));
  }

  #send(method: "GET" | "POST", path: string, body = ""): Promise<IncomingMessage> {
    const headers = { authorization: `Bearer ${this.#token}`, "content-type": "application/json" };
    return new Promise((resolve, reject) => {
      const { signal } = this.#ended;
      request(`${this.#origin}${path}`, { method, agent: this.#agent, headers, signal }, resolve)
        .on("error", reject)
        .end(body);
    });
  }
}
