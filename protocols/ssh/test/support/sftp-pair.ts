import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Test } from "tap";
import type { SftpAction } from "../../src/sftp/action.ts";
import type { Attributes } from "../../src/sftp/codec/attributes.ts";
import { writeHeader } from "../../src/sftp/codec/handle-request.ts";
import {
  decodeInitialization,
  encodeInit,
  type Initialization,
} from "../../src/sftp/codec/initialization.ts";
import { openFlag, packet } from "../../src/sftp/codec/numbers.ts";
import { encodeRequest, type Request } from "../../src/sftp/codec/request.ts";
import { DATA_HEAD, decodeData, decodeResponse, type Response } from "../../src/sftp/codec/response.ts";
import { bodyOf, PacketStream, withHead } from "../../src/sftp/framing.ts";
import type { SftpTransfer } from "../../src/sftp/open-file.ts";
import type { SftpDecision, SftpPorts, SftpRefused } from "../../src/sftp/ports.ts";
import { type SftpOptions, SftpRelay } from "../../src/sftp/relay.ts";
import { DiskServer } from "./sftp-disk.ts";

export type Answer = Response | { readonly type: "data"; readonly data: Buffer };

type Verdict = "allow" | "block" | "hold";

/** What becomes of an action; a promise for one that takes its time. */
export type Judge = (action: SftpAction) => Verdict | Promise<Verdict>;

/** A client, the relay, and who is behind it. */
export class SftpPair {
  readonly actions: SftpAction[] = [];
  readonly moved: SftpTransfer[] = [];
  readonly refused: SftpRefused[] = [];
  readonly outcomes: boolean[] = [];
  readonly relay: SftpRelay;
  /** What went to the target without a permit, and with one. */
  readonly toTarget: Buffer[] = [];
  readonly permitted: Buffer[] = [];
  failure: unknown;
  credited = 0;
  judge: Judge = () => "allow";
  /** Where bytes for the target go. */
  target: (chunk: Buffer) => void = () => undefined;
  readonly #packets = new PacketStream();
  readonly #answers = new Map<number, (answer: Answer) => void>();
  #version: (initialization: Initialization) => void = () => undefined;
  #ids = 0;

  constructor(options: SftpOptions = {}) {
    const ports: SftpPorts = {
      toTarget: (bytes, taken) => {
        this.toTarget.push(...bytes);
        this.#later(bytes, taken);
      },
      toClient: (bytes, taken) => {
        for (const part of bytes) this.#packets.push(part);
        for (let next = this.#packets.next(); next; next = this.#packets.next()) {
          if (next.type === packet.version) this.#version(decodeInitialization(bodyOf(next)));
          else if (next.type === packet.data) {
            const { id, data } = decodeData(withHead(next.parts, DATA_HEAD));
            this.#answered(id, { type: "data", data: Buffer.concat(data) });
          } else {
            const { id, response } = decodeResponse(bodyOf(next));
            this.#answered(id, response);
          }
        }
        taken?.();
      },
      clientTaken: (bytes) => {
        this.credited += bytes;
      },
      targetTaken: () => undefined,
      decide: (action) => this.#decide(action),
      refuse: (refused) => {
        this.refused.push(refused);
        return Promise.resolve({ ...refused, reference: "r2" });
      },
      moved: (transfer) => {
        this.moved.push(transfer);
      },
      endTarget: () => undefined,
      endClient: () => undefined,
      failed: (error) => {
        this.failure = error;
      },
    };
    this.relay = new SftpRelay(ports, options);
  }

  start(): Promise<Initialization> {
    return new Promise((resolve) => {
      this.#version = resolve;
      this.relay.fromClient(encodeInit(3));
    });
  }

  ask(request: Request): Promise<Answer> {
    return this.#sent((id) => [encodeRequest(id, request)]);
  }

  write(handle: string, offset: number, data: Buffer): Promise<Answer> {
    return this.#sent((id) => [writeHeader(id, { handle, offset, length: data.length }), data]);
  }

  /** Its answer's code, where it is a STATUS; its type otherwise. */
  async told(request: Request): Promise<number | string> {
    return codeOf(await this.ask(request));
  }

  open(path: string, flags: number, attributes: Attributes = {}): Promise<Answer> {
    return this.ask({ type: "open", path: Buffer.from(path), flags, attributes });
  }

  /** The handle of a file that is opened as it has to be. */
  async opened(path: string, flags: number = openFlag.read): Promise<string> {
    const answer = await this.open(path, flags);
    if (answer.type !== "handle") throw new Error(`not opened: ${String(codeOf(answer))}`);
    return answer.handle;
  }

  /** What was decided, as `kind path path`. */
  get decided(): readonly string[] {
    return this.actions.map(({ kind, paths }) => [kind, ...paths].join(" "));
  }

  #sent(packetOf: (id: number) => readonly Buffer[]): Promise<Answer> {
    const id = this.#ids++;
    return new Promise((resolve) => {
      this.#answers.set(id, resolve);
      this.relay.fromClient(Buffer.concat(packetOf(id)));
    });
  }

  #answered(id: number, answer: Answer): void {
    const resolve = this.#answers.get(id);
    if (!resolve) throw new Error(`an answer to nothing: ${String(id)}`);
    this.#answers.delete(id);
    resolve(answer);
  }

  async #decide(action: SftpAction): Promise<SftpDecision> {
    this.actions.push(action);
    const verdict = await this.judge(action);
    if (verdict === "block") {
      return { ok: false, refusal: { kind: "policy", message: "No.", reference: "r1" } };
    }
    return {
      ok: true,
      held: verdict === "hold",
      send: (bytes) => {
        this.permitted.push(...bytes);
        this.#later(bytes);
      },
      outcome: (ok) => {
        this.outcomes.push(ok);
      },
    };
  }

  #later(bytes: readonly Buffer[], taken?: () => void): void {
    const chunk = Buffer.concat(bytes);
    setImmediate(() => {
      taken?.();
      this.target(chunk);
    });
  }
}

export function codeOf(answer: Answer): number | string {
  return answer.type === "status" ? answer.code : answer.type;
}

/** The pair with a server over a folder of its own, which ends with the test; started. */
export async function onDisk(
  t: Test,
): Promise<{ pair: SftpPair; server: DiskServer; folder: string; version: Initialization }> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "gatehouse-sftp-")));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const pair = new SftpPair();
  const server = new DiskServer(folder, (bytes) => {
    const chunk = Buffer.concat(bytes);
    setImmediate(() => pair.relay.fromTarget(chunk));
  });
  pair.target = (chunk) => server.take(chunk);
  t.teardown(() => pair.relay.over());
  return { pair, server, folder, version: await pair.start() };
}

/** Lets everything happen that is on its way. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) {
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  }
}
