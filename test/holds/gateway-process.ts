import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Approval, ApprovalState } from "@gatehouse/core";
import type { ApprovalChange } from "@gatehouse/gateway";
import type { Test } from "tap";
import type { Kill } from "./kill-at-write.ts";

export interface ProcessOptions {
  /** How many times as fast as elsewhere its time goes by. */
  readonly rate?: number;
  /** Where it dies, counted from its start. */
  readonly kill?: Kill;
}

/** What a gateway's process is told to do. Tokens say as whom. */
export type Order =
  | ({ readonly do: "kill" } & Kill)
  | { readonly do: "watch"; readonly token: string }
  | {
      readonly do: "answer";
      readonly token: string;
      readonly id: string;
      readonly answer: "approve" | "deny";
    }
  | {
      readonly do: "list";
      readonly token: string;
      readonly states?: readonly ApprovalState[];
      readonly before?: string;
      readonly limit: number;
    }
  | { readonly do: "reload" | "sessions" | "stop" };

/** What has become of an order: a value, or an error's code. */
export type Reply = { readonly number: number } & ({ readonly value: unknown } | { readonly error: string });

/** A change of an approval, for whoever watches. */
export interface Event {
  readonly event: ApprovalChange["event"];
  readonly id: string;
  readonly text: string;
}

/** An order's error: its code is the message. */
export class Refused extends Error {}

/** The gateway's process has ended. */
export class Ended extends Error {}

/** A gateway that runs in a process of its own, so that it can be killed. */
export class GatewayProcess {
  readonly port: number;
  /** Resolves with the process's end: an exit code, or the signal that it died of. */
  readonly ended: Promise<number | NodeJS.Signals>;
  readonly #child: ChildProcess;
  readonly #open = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #listeners = new Set<(event: Event) => void>();
  #orders = 0;
  #alive = true;

  private constructor(child: ChildProcess, port: number, ended: GatewayProcess["ended"]) {
    this.#child = child;
    this.port = port;
    this.ended = ended;
    child.on("message", (message: Event | Reply) => this.#take(message));
    void ended.then(() => {
      this.#alive = false;
      for (const { reject } of this.#open.values()) reject(new Ended("The gateway has died."));
    });
  }

  /** @returns undefined where it has died at its start */
  static async start(
    t: Test,
    configFile: string,
    options: ProcessOptions = {},
  ): Promise<GatewayProcess | undefined> {
    const program = fileURLToPath(new URL("./gateway-main.ts", import.meta.url));
    const child = spawn(process.execPath, [program, configFile, JSON.stringify(options)], {
      stdio: ["ignore", "pipe", "inherit", "ipc"],
      // What one process has compiled, the next one need not: that is half of the time of a start.
      env: { ...process.env, NODE_COMPILE_CACHE: join(dirname(configFile), "compiled") },
    });
    t.teardown(() => child.kill("SIGKILL"));
    const ended = new Promise<number | NodeJS.Signals>((resolve) => {
      child.once("exit", (code, signal) => resolve(signal ?? code ?? 1));
    });
    const line = once(createInterface(child.stdout as NodeJS.ReadableStream), "line") as Promise<[string]>;
    const said = await Promise.race([line, ended]);
    return Array.isArray(said) ? new GatewayProcess(child, Number(said[0]), ended) : undefined;
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** @throws Refused, with the code; Ended, where it dies before it has answered */
  ask(order: { readonly do: "list" } & Order): Promise<readonly Approval[]>;
  ask(order: { readonly do: "sessions" } & Order): Promise<number>;
  ask(order: { readonly do: "reload" } & Order): Promise<readonly unknown[]>;
  ask(order: Order): Promise<unknown>;
  async ask(order: Order): Promise<unknown> {
    if (!this.#alive) throw new Ended("The gateway has died.");
    const number = this.#orders++;
    const answered = Promise.withResolvers<unknown>();
    this.#open.set(number, answered);
    // What can't be sent any more, the end answers.
    this.#child.send({ ...order, number }, () => undefined);
    try {
      return await answered.promise;
    } finally {
      this.#open.delete(number);
    }
  }

  /** Has what `watch` brings told to one more. */
  listen(listener: (event: Event) => void): void {
    this.#listeners.add(listener);
  }

  /** From here on, changes are told of as somebody may see them. */
  async watch(token: string): Promise<void> {
    await this.ask({ do: "watch", token });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** As an operator's `kill` would. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.ended;
  }

  #take(message: Event | Reply): void {
    if ("event" in message) {
      for (const listener of this.#listeners) listener(message);
      return;
    }
    const { number } = message;
    if ("error" in message) this.#open.get(number)?.reject(new Refused(message.error));
    else this.#open.get(number)?.resolve(message.value);
  }
}
