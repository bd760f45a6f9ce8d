import { decide, type Decided, type Held, messageOf, type Permit, type Refusal } from "@gatehouse/core";
import { ChunkQueue } from "@gatehouse/wire";
import { STDERR } from "./codec/channel-data.ts";
import {
  type ChannelRequest,
  decodeBreak,
  decodeEmpty,
  decodeEnv,
  decodeExec,
  decodeExitSignal,
  decodeExitStatus,
  decodeFlowControl,
  decodePtyRequest,
  decodeSignal,
  decodeSubsystem,
  decodeWindowChange,
  decodeX11Request,
  encodeExitStatus,
  type PtyRequest,
  type WindowSize,
} from "./codec/channel-request.ts";
import {
  environmentCommand,
  execCommand,
  lendCommand,
  shellCommand,
  type SshCommand,
  subsystemCommand,
} from "./commands.ts";
import type { Channel } from "./connection/channel.ts";

import { noticeText, REFUSED_STATUS, refusalText } from "./refusal.ts";
import type { SessionContext } from "./session.ts";
import { Program } from "./program.ts";
import { SftpChannel } from "./sftp-channel.ts";

/** Milliseconds in which a target has to take what its client has sent before it left. */
const CLOSE_WITHIN = 60_000;
/** Variables of a session, and bytes of them all. */
const MAX_VARIABLES = 64;
const MAX_ENVIRONMENT = 64 * 1024;

/** What runs in a session channel: it takes what the two sides send. */
export interface Running {
  fromClient(bytes: Buffer): void;
  clientEnded(): void;
  fromTarget(bytes: Buffer, type: number | undefined): void;
  targetEnded(): void;
  resized(size: WindowSize): void;
  exited(exit: { readonly status?: number; readonly signal?: string }): void;
  /** Nothing more comes from either side. */
  over(): void;
}

interface Variable {
  readonly command: SshCommand;
  readonly permit: Permit;
  readonly data: Buffer;
  readonly text: string;
}

/**
 * A session channel (RFC 4254 section 6): what its client asks for before it starts something is kept until then, so that a
 * program is decided with all that it is started with.
 */
export class SessionChannel {
  readonly #context: SessionContext;
  readonly #client: Channel;
  readonly #target: Channel;
  #pty: { readonly request: PtyRequest; readonly data: Buffer } | undefined;
  #size: WindowSize = { columns: 80, rows: 24 };
  readonly #environment: Variable[] = [];
  #variables = 0;
  #environmentSize = 0;
  #starting = false;
  #held: Held | undefined;
  #running: Running | undefined;
  /** What the client has sent ahead of what will read it; the window bounds it. */
  readonly #early = new ChunkQueue();
  #clientEnded = false;
  #clientGone = false;
  #targetGone = false;
  /** The terminal's last size, where it is not the one that it was asked for with. */
  #resized: Buffer | undefined;
  /** The client's requests, one after the other. */
  #turn: Promise<void> = Promise.resolve();

  /** @param over is called when the client's side is closed */
  constructor(context: SessionContext, client: Channel, target: Channel, over: () => void) {
    this.#context = context;
    this.#client = client;
    this.#target = target;
    client.events = {
      data: (bytes, type) => this.#fromClient(bytes, type),
      request: (request, answer) => this.#request(request, answer),
      eof: () => {
        this.#clientEnded = true;
        this.#running?.clientEnded();
      },
      closed: () => {
        this.#clientGone = true;
        this.#held?.gone("client_gone");
        // What the target has to say of it is passed on still: its status above all.
        target.close();
        // What waits for a program that reads nothing does not keep the target for ever.
        setTimeout(() => target.abort(), CLOSE_WITHIN).unref();
        over();
      },
    };
    target.events = {
      data: (bytes, type) => this.#fromTarget(bytes, type),
      request: (request, answer) => answer(this.#targetRequest(request)),
      eof: () => this.#running?.targetEnded(),
      closed: () => {
        this.#targetGone = true;
        this.#running?.targetEnded();
        this.#running?.over();
        client.close();
      },
    };
  }

  /** Writes what the person at the client has to know, and that is no output of a program. */
  notify(text: Buffer): void {
    this.#client.write(text, STDERR);
  }

  get #terminal(): boolean {
    return this.#pty !== undefined;
  }

  #fromClient(bytes: Buffer, type: number | undefined): void {
    // Extended data go the other way alone.
    if (type !== undefined) this.#client.consumed(bytes.length);
    else if (this.#running) this.#running.fromClient(bytes);
    else this.#early.push(bytes);
  }

  #fromTarget(bytes: Buffer, type: number | undefined): void {
    const known = type === undefined || type === STDERR;
    if (this.#running && known) this.#running.fromTarget(bytes, type);
    else this.#target.consumed(bytes.length);
  }

  #request(request: ChannelRequest, answer: (ok: boolean) => void): void {
    const { type, data } = request;
    switch (type) {
      case "window-change":
        this.#size = decodeWindowChange(data);
        if (this.#running) this.#target.tell(type, data);
        else this.#resized = data;
        this.#running?.resized(this.#size);
        answer(true);
        break;
      case "signal":
        decodeSignal(data);
        if (this.#running) this.#target.tell(type, data);
        answer(this.#running !== undefined);
        break;
      case "break":
      case "eow@openssh.com":
        if (type === "break") decodeBreak(data);
        else decodeEmpty(data);
        if (this.#running) this.#target.tell(type, data);
        answer(this.#running !== undefined);
        break;
      default:
        this.#turn = this.#turn
          .then(() => this.#prepare(request, answer))
          .catch((error: unknown) => {
            answer(false);
            this.#failed(error);
          });
    }
  }

  /** What nobody waits for. */
  #settle(done: Promise<void>): void {
    done.catch((error: unknown) => this.#failed(error));
  }

  /** A part of the gateway failed: nothing goes on here. */
  #failed(error: unknown): void {
    this.#context.log.error({ error: messageOf(error) }, "a channel was ended");
    this.#client.close();
    this.#target.abort();
  }

  /** Does one request. @returns resolves when the next may be looked at */
  async #prepare(request: ChannelRequest, answer: (ok: boolean) => void): Promise<void> {
    const { type, data } = request;
    // Nothing of what follows can be asked for twice, or behind what it is for.
    if (this.#starting || this.#isGone) {
      answer(false);
      return;
    }
    switch (type) {
      case "pty-req": {
        const pty = decodePtyRequest(data);
        if (this.#pty === undefined) this.#size = pty;
        answer(this.#pty === undefined);
        this.#pty ??= { request: pty, data };
        return;
      }
      case "env":
        answer(await this.#variable(data));
        return;
      case "auth-agent-req@openssh.com":
        decodeEmpty(data);
        return this.#lend("agent", request, answer);
      case "x11-req":
        decodeX11Request(data);
        return this.#lend("x11", request, answer);
      case "shell":
        decodeEmpty(data);
        return this.#start(request, () => shellCommand(this.#surround, this.#login), answer);
      case "exec": {
        const bytes = decodeExec(data);
        return this.#start(request, () => execCommand(bytes, this.#surround, this.#login), answer);
      }
      case "subsystem": {
        const name = decodeSubsystem(data);
        if (name === "sftp") {
          this.#startSftp(request, answer);
          return;
        }
        return this.#start(request, () => subsystemCommand(name, this.#surround, this.#login), answer);
      }
      default:
        answer(false);
    }
  }

  get #isGone(): boolean {
    return this.#clientGone || this.#targetGone || this.#client.isClosing;
  }

  get #login(): string {
    return this.#context.session.lease.user;
  }

  get #surround() {
    return { pty: this.#terminal, environment: this.#environment.map(({ text }) => text) };
  }

  /** Refused ones are left out, as every sshd does with those that it does not accept. */
  async #variable(data: Buffer): Promise<boolean> {
    const { name, value } = decodeEnv(data);
    this.#variables++;
    this.#environmentSize += data.length;
    if (this.#variables > MAX_VARIABLES || this.#environmentSize > MAX_ENVIRONMENT) return false;
    const decided = await this.#decide(() => environmentCommand(name, value, this.#login));
    if (!decided.ok) return false;
    const { command, permit } = decided;
    this.#environment.push({ command, permit, data, text: `${name}=${value}` });
    return true;
  }

  async #lend(kind: "agent" | "x11", request: ChannelRequest, answer: (ok: boolean) => void): Promise<void> {
    const decided = await this.#decide(() => lendCommand(kind, this.#login));
    if (!decided.ok) {
      this.notify(refusalText(decided.refusal, { terminal: this.#terminal }));
      answer(false);
      return;
    }
    const { upstream, lent } = this.#context;
    upstream.run(decided.permit, decided.command, this.#target, request, (ok) => {
      if (ok) lent.add(kind);
      answer(ok);
    });
  }

  /** @param waiting is called when people are asked, before the wait */
  #decide(make: () => SshCommand, waiting?: () => void): Promise<Decided<SshCommand>> {
    return decide(this.#context.session, make, (held) => {
      this.#held = held;
      if (this.#isGone) held.gone("client_gone");
      waiting?.();
      this.#tellOfWait(held);
    }).finally(() => {
      this.#held = undefined;
    });
  }

  #tellOfWait(held: Held): void {
    const tell = () => this.notify(noticeText(held.notice, { terminal: this.#terminal }));
    tell();
    if (held.repeat === undefined) return;
    const again = setInterval(tell, held.repeat);
    void held.ended.then(() => clearInterval(again));
  }

  /**
   * Starts a program once it is decided. What waits for people, or is refused, runs as far as its client can see: its standard error
   * and its exit status say what became of it.
   */
  async #start(
    request: ChannelRequest,
    make: () => SshCommand,
    answer: (ok: boolean) => void,
  ): Promise<void> {
    this.#starting = true;
    const decided = await this.#decide(make, () => answer(true));
    if (this.#isGone) {
      // What was let through meanwhile is not begun: nobody would see it.
      if (decided.ok) decided.held?.outcome("failed");
      answer(false);
      return;
    }
    if (decided.ok) {
      this.#run(decided, request, answer);
      return;
    }
    answer(request.type !== "subsystem");
    this.#refused(decided.refusal);
  }

  #run(
    { command, permit, decision, held }: Extract<Decided<SshCommand>, { ok: true }>,
    request: ChannelRequest,
    answer: (ok: boolean) => void,
  ): void {
    const { upstream, values, recordings, session } = this.#context;
    const recording =
      command.kind === "subsystem" ? undefined : recordings.begin(this.#recorded(command, session));
    const program = new Program({
      client: this.#client,
      target: this.#target,
      values,
      // Columns are for protocols that have some.
      masks: "masks" in decision ? (decision.masks ?? []).filter(({ detect }) => detect.length > 0) : [],
      terminal: this.#terminal,
      recording,
      held,
      saved: (file) => void session.recorded(file),
      unrecorded: () => this.#settle(this.#unrecorded(command)),
    });
    // All at once: a round trip for each would be felt, and the target answers in order.
    let hasTerminal = true;
    if (this.#pty) {
      this.#target.ask("pty-req", this.#pty.data, (ok) => {
        hasTerminal = ok;
      });
      if (this.#resized) this.#target.tell("window-change", this.#resized);
    }
    for (const variable of this.#environment) {
      upstream.environment(variable.permit, variable.command, this.#target, variable.data);
    }
    upstream.run(permit, command, this.#target, request, (started) => {
      if (started && hasTerminal) answer(true);
      else this.#settle(this.#notStarted(command, started, answer));
    });
    // Behind the request: bytes, or their end, that come before it are for no program.
    this.#begin(program);
  }

  async #unrecorded({ text }: SshCommand): Promise<void> {
    this.#target.abort();
    const refusal = await this.#context.session.refuse({
      kind: "internal",
      message: "What this shows can't be recorded any more, so it was ended.",
      hint: "Show the reference to whoever runs the gateway; its disk may be full.",
      text,
    });
    this.#refused(refusal);
  }

  async #notStarted(command: SshCommand, started: boolean, answer: (ok: boolean) => void): Promise<void> {
    const refusal = await this.#context.session.refuse({
      kind: "unavailable",
      message: started ? "The target gives no terminal." : "The target did not start this.",
      hint: "Ask whoever runs the target; its sshd may be set to refuse it.",
      text: command.text,
    });
    answer(false);
    this.#refused(refusal);
  }

  #recorded(
    command: SshCommand,
    { session }: SessionContext["session"],
  ): Parameters<SessionContext["recordings"]["begin"]>[0] {
    const { identity, target, level } = session;
    return {
      session: session.id,
      channel: this.#client.number,
      kind: command.kind === "shell" ? "shell" : "exec",
      ...(command.kind === "exec" ? { command: command.text } : {}),
      ...this.#size,
      ...(this.#pty ? { term: this.#pty.request.term } : {}),
      subject: identity.subject,
      target: target.name,
      level: level.name,
      startedAt: this.#context.clock.now(),
    };
  }

  #begin(running: Running): void {
    this.#running = running;
    if (this.#early.length > 0) running.fromClient(this.#early.takeAll());
    if (this.#clientEnded) running.clientEnded();
  }

  /** The files of the target: each request that names one is a command of its own. */
  #startSftp(request: ChannelRequest, answer: (ok: boolean) => void): void {
    this.#starting = true;
    this.#context.upstream.startSftp(this.#target, request, (started) => {
      answer(started);
      if (started) this.#begin(new SftpChannel(this.#context, this.#client, this.#target));
      else this.#target.close();
    });
  }

  #refused(refusal: Refusal): void {
    this.notify(refusalText(refusal, { terminal: this.#terminal }));
    this.#client.tell("exit-status", encodeExitStatus(REFUSED_STATUS));
    this.#client.end();
    this.#client.close();
    this.#target.close();
  }

  #targetRequest({ type, data }: ChannelRequest): boolean {
    switch (type) {
      case "exit-status":
        this.#running?.exited({ status: decodeExitStatus(data) });
        break;
      case "exit-signal":
        this.#running?.exited({ signal: decodeExitSignal(data) });
        break;
      case "xon-xoff":
        decodeFlowControl(data);
        break;
      case "eow@openssh.com":
        decodeEmpty(data);
        break;
      default:
        return false;
    }
    this.#client.tell(type, data);
    return true;
  }
}
