import { GatehouseError, type Refusal } from "@gatehouse/core";
import { refusalLine } from "../refusal.ts";
import { type SftpAction, sftpAction } from "./action.ts";
import { answerOf, Asked, type Asking, checkAnswer } from "./asked.ts";
import { type ExtendedRequest, extensions } from "./codec/extended-request.ts";
import { packetHeader } from "./codec/fields.ts";
import {
  decodeWrite,
  type HandleRequest,
  WRITE_HEAD,
  type Write,
  writeHeader,
} from "./codec/handle-request.ts";
import {
  decodeInitialization,
  encodeInit,
  encodeVersion,
  type Initialization,
} from "./codec/initialization.ts";
import { limitsWithin, PACKET_OVERHEAD } from "./codec/limits.ts";
import { packet, status, VERSION } from "./codec/numbers.ts";
import { decodeRequest, encodeRequest, type Request } from "./codec/request.ts";
import {
  DATA_HEAD,
  dataHeader,
  decodeData,
  decodeResponse,
  encodeStatus,
  type Response,
} from "./codec/response.ts";
import { bodyOf, MAX_PACKET, type Packet, PacketStream, withHead } from "./framing.ts";
import { Looks } from "./looks.ts";
import type { FreeType, OpenFile, Opened } from "./open-file.ts";
import { OpenFiles } from "./open-files.ts";
import { Order, type Subject, type Turn } from "./order.ts";
import { PathRequests, type Ready } from "./path-requests.ts";
import { type Named, NamesNothing, type Plan, planOf, Unfit } from "./plan.ts";
import type { SftpPorts } from "./ports.ts";

/** Requests that wait to be decided; then the client is read no more. */
const MAX_WAITING = 256;
/** Requests that the target has not answered; then the client is read no more. */
const MAX_ASKED = 4096;

export interface SftpOptions {
  /** Bytes of a packet, at most, in both directions. */
  readonly maxPacket?: number;
}

/** Requests that go without a decision of their own: what they are about had one. */
type Freely = Extract<Request, { readonly type: FreeType }>;

/** Between two sides that speak SFTP version 3: each request that names files is decided before the target has it. */
export class SftpRelay {
  readonly #ports: SftpPorts;
  readonly #maxPacket: number;
  readonly #fromClient: PacketStream;
  readonly #fromTarget: PacketStream;
  readonly #asked = new Asked();
  readonly #order = new Order();
  readonly #files: OpenFiles;
  readonly #looks: Looks;
  readonly #paths: PathRequests;
  #offered: ReadonlySet<string> = new Set();
  /** What is awaited: INIT, the target's VERSION, where its home is, requests. */
  #phase: "init" | "version" | "home" | "requests" = "init";
  #home = "/";
  #pumping = false;
  #clientEnded = false;
  #endedTarget = false;
  #over = false;

  constructor(ports: SftpPorts, { maxPacket = MAX_PACKET }: SftpOptions = {}) {
    this.#ports = ports;
    this.#files = new OpenFiles((transfer) => ports.moved(transfer));
    this.#maxPacket = maxPacket;
    this.#fromClient = new PacketStream(maxPacket);
    this.#fromTarget = new PacketStream(maxPacket);
    this.#looks = new Looks((request) => this.#ask(request));
    this.#paths = new PathRequests(ports, this.#looks);
  }

  /** Bytes that the client sent, in whatever pieces. */
  fromClient(chunk: Buffer): void {
    if (this.#over) {
      this.#ports.clientTaken(chunk.length);
      return;
    }
    this.#fromClient.push(chunk);
    this.#pump();
  }

  fromTarget(chunk: Buffer): void {
    if (this.#over) {
      this.#ports.targetTaken(chunk.length);
      return;
    }
    this.#fromTarget.push(chunk);
    try {
      for (let next = this.#answered(); next; next = this.#answered()) this.#answer(next);
    } catch (error) {
      this.#fail(error);
    }
    this.#pump();
  }

  /** What it has sent is still done; half of a packet at its end is not. */
  clientEnded(): void {
    this.#clientEnded = true;
    this.#pump();
  }

  targetEnded(): void {
    if (this.#over) return;
    this.over();
    this.#ports.endClient();
  }

  /** The channel is gone: what waits is never sent. */
  over(): void {
    if (this.#over) return;
    this.#over = true;
    this.#files.over();
  }

  #fail(error: unknown): void {
    if (this.#over) return;
    this.over();
    this.#ports.failed(error);
  }

  get #stalled(): boolean {
    return (
      this.#over ||
      this.#phase === "version" ||
      this.#phase === "home" ||
      this.#order.size >= MAX_WAITING ||
      this.#asked.size >= MAX_ASKED
    );
  }

  #pump(): void {
    // What is done for one packet may make room for others: they are read by the loop that is on the way.
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      while (!this.#stalled) {
        const next = this.#fromClient.next();
        if (!next) break;
        this.#take(next);
      }
      const idle = !this.#stalled && this.#order.size === 0;
      if (this.#clientEnded && idle && !this.#endedTarget) {
        this.#endedTarget = true;
        this.#ports.endTarget();
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#pumping = false;
    }
  }

  #take(next: Packet): void {
    if (this.#phase === "init") {
      this.#begin(next);
      return;
    }
    if (next.type === packet.write) {
      this.#write(decodeWrite(withHead(next.parts, WRITE_HEAD)), next.size);
      return;
    }
    const { id, request } = decodeRequest(bodyOf(next));
    this.#request({ id, size: next.size }, request);
  }

  #begin(next: Packet): void {
    const { version } = next.type === packet.init ? decodeInitialization(bodyOf(next)) : { version: 0 };
    if (version < VERSION) throw new GatehouseError("PROTOCOL_VIOLATION", "SFTP has to begin with version 3");
    this.#phase = "version";
    this.#ports.toTarget([encodeInit(VERSION)]);
    this.#ports.clientTaken(next.size);
  }

  async #start({ version, extensions: offered }: Initialization): Promise<void> {
    if (version !== VERSION) {
      throw new GatehouseError("PROTOCOL_VIOLATION", "the target speaks another version of SFTP");
    }
    const known = offered.filter(({ name, data }) =>
      Object.values(extensions).some((extension) => extension.name === name && extension.version === data),
    );
    this.#offered = new Set(known.map(({ name }) => name));
    // Before the client can name a path, it has to be known what its relative ones are relative to.
    const home = await this.#looks.realpath(".");
    if (home === undefined) {
      throw new GatehouseError("PROTOCOL_VIOLATION", "the target does not say where it begins");
    }
    if (this.#over) return;
    this.#home = home;
    this.#ports.toClient([encodeVersion({ version, extensions: known })]);
    this.#phase = "requests";
    this.#pump();
  }

  #request(from: From, request: Request | undefined): void {
    if (!request || !this.#offers(request) || ("attributes" in request && request.attributes.extended)) {
      this.#tell(from, status.unsupported, "This is not supported.");
      return;
    }
    switch (request.type) {
      case "close":
      case "fstat":
      case "readdir":
      case "read":
      case "fstatvfs":
      case "fsync":
        this.#freely(from, request);
        break;
      case "fsetstat":
        this.#setOpen(from, request);
        break;
      case "copy-data":
        this.#copy(from, request);
        break;
      case "limits":
        this.#send(from, request, { answer: answerOf(request), client: from.id });
        break;
      case "users-groups-by-id": {
        const { users, groups } = request;
        const also = [users.toString("base64"), groups.toString("base64")];
        const action = sftpAction({ kind: "users", access: "read", places: [], also });
        this.#decided(from, request, action, NO_SUBJECT);
        break;
      }
      default:
        this.#named(from, request);
    }
  }

  #offers({ type }: Request): boolean {
    return !isExtension(type) || this.#offered.has(extensions[type].name);
  }

  #named(from: From, request: Named): void {
    let plan: Plan;
    try {
      plan = planOf(request, this.#home);
    } catch (error) {
      if (error instanceof NamesNothing) {
        this.#tell(from, status.noSuchFile, "No such file");
        return;
      }
      if (!(error instanceof Unfit)) throw error;
      const refused = { kind: "encoding", message: error.message, text: request.type } as const;
      this.#waiting(NO_SUBJECT, async () => this.#refuse(from, await this.#ports.refuse(refused)));
      return;
    }
    const { opens } = plan;
    if (opens && this.#files.areFull) {
      this.#tell(from, status.failure, "Too many files are open.");
      return;
    }
    this.#waiting(plan.subject, async (turn) => {
      const refusal = await this.#paths.run(plan, turn, (ready) => {
        const [path = ""] = ready.action.paths;
        this.#permitted(from, ready, opens && { ...opens, path });
      });
      if (refusal) this.#refuse(from, refusal);
    });
  }

  #freely(from: From, request: Freely): void {
    const file = this.#files.get(request.handle);
    if (!file?.allows(request.type)) {
      this.#tell(
        from,
        status.failure,
        file ? "The handle is not open for this." : "There is no such handle.",
      );
      return;
    }
    const { handle } = request;
    if (request.type === "close") file.closing = true;
    this.#inOrder(file, request.type === "close" || request.type === "fsync", () => {
      const asking = { answer: answerOf(request), client: from.id };
      if (request.type === "read") {
        const { offset } = request;
        // A read may always give less than was asked for; more than this no answer can hold.
        const length = Math.min(request.length, this.#maxPacket - PACKET_OVERHEAD);
        this.#send(from, { ...request, length }, { ...asking, file, offset, length });
      } else if (request.type === "close") {
        if (!file.isMeasured) this.#measure(handle, file);
        const settled = (response: Response) => this.#files.closed(handle, file, isOk(response));
        this.#send(from, request, { ...asking, settled });
      } else {
        this.#send(from, request, asking);
      }
    });
  }

  /** Clients that know a file's size do not read on to its end. */
  #measure(handle: string, file: OpenFile): void {
    const settled = (response: Response) => {
      if (response.type === "attrs" && response.attributes.size !== undefined) {
        file.ended(Number(response.attributes.size));
      }
    };
    const request = { type: "fstat", handle } as const;
    const id = this.#asked.add({ answer: answerOf(request), client: undefined, settled });
    this.#ports.toTarget([encodeRequest(id, request)]);
  }

  #write({ id, handle, offset, data, length }: Write, size: number): void {
    const file = this.#files.get(handle);
    if (!file?.modes?.writes) {
      this.#tell(
        { id, size },
        status.failure,
        file ? "The handle is not open for this." : "There is no such handle.",
      );
      return;
    }
    this.#inOrder(file, true, () => {
      file.wrote(offset, data, length);
      const settled = (response: Response) => file.written(isOk(response));
      const asked = this.#asked.add({ answer: "status", client: id, settled });
      const header = writeHeader(asked, { handle, offset, length });
      this.#ports.toTarget([header, ...data], () => this.#ports.clientTaken(size));
    });
  }

  /** It changes a file, whatever the file was opened for. */
  #setOpen(from: From, request: Extract<HandleRequest, { type: "fsetstat" }>): void {
    const file = this.#files.get(request.handle);
    if (!file) {
      this.#tell(from, status.failure, "There is no such handle.");
      return;
    }
    const { attributes } = request;
    const places = [{ path: file.path, resolved: true }];
    const action = sftpAction({ kind: "setstat", access: "write", places, attributes, also: ["fsetstat"] });
    this.#decided(from, request, action, subjectOf([file.path]));
  }

  #copy(from: From, request: Extract<ExtendedRequest, { type: "copy-data" }>): void {
    const source = this.#files.get(request.handle);
    const into = this.#files.get(request.to);
    if (!source?.modes?.reads || !into?.modes?.writes) {
      this.#tell(from, status.failure, "The handles are not open for this.");
      return;
    }
    const { offset, length, toOffset } = request;
    const places = [source, into].map(({ path }) => ({ path, resolved: true }));
    const also = [String(offset), String(length), String(toOffset)];
    const action = sftpAction({ kind: "copy-data", access: "write", places, also });
    this.#decided(from, request, action, subjectOf(action.paths), () => into.copiedInto());
  }

  /** Decides what names no file by its path. */
  #decided(from: From, request: Request, action: SftpAction, subject: Subject, sending?: () => void): void {
    this.#waiting(subject, async () => {
      const decision = await this.#ports.decide(action);
      if (this.#over) return;
      if (!decision.ok) {
        this.#refuse(from, decision.refusal);
        return;
      }
      sending?.();
      this.#permitted(from, { request, action, decision, release: undefined });
    });
  }

  /** Does something for a request when its turn has come; until it is done, it waits. */
  #waiting(subject: Subject, work: (turn: Turn) => Promise<void>): void {
    this.#order.enter(subject, (turn) => {
      // Nobody is asked, and nothing is put on record, for who has gone.
      if (this.#over) return;
      work(turn)
        .catch((error: unknown) => this.#fail(error))
        .finally(() => {
          turn.leave();
          this.#pump();
        });
    });
  }

  /** At once, but where something that has to be done before is still waiting. */
  #inOrder(file: OpenFile, writes: boolean, send: () => void): void {
    if (this.#order.size === 0) {
      send();
      return;
    }
    const subject = { paths: [file.path], writes, structural: false };
    if (!this.#order.holds(subject)) {
      send();
      return;
    }
    this.#order.enter(subject, (turn) => {
      if (!this.#over) send();
      turn.leave();
    });
  }

  #send(from: From, request: Request, asking: Asking): void {
    const bytes = encodeRequest(this.#asked.add(asking), request);
    this.#ports.toTarget([bytes], () => this.#ports.clientTaken(from.size));
  }

  #permitted(from: From, { request, decision, release }: Ready, opens?: Opened): void {
    if (this.#over) return;
    const settled = (response: Response) => {
      release?.();
      decision.outcome?.(response.type !== "status" || response.code === status.ok);
      if (opens && response.type === "handle") this.#files.add(response.handle, opens);
    };
    const id = this.#asked.add({ answer: answerOf(request), client: from.id, settled });
    decision.send([encodeRequest(id, request)]);
    this.#ports.clientTaken(from.size);
  }

  /** Without an answer, when the channel ends before there is one. */
  #ask(request: Request): Promise<Response> {
    return new Promise((resolve) => {
      if (this.#over) return;
      const id = this.#asked.add({ answer: answerOf(request), client: undefined, settled: resolve });
      this.#ports.toTarget([encodeRequest(id, request)]);
    });
  }

  #tell(from: From, code: number, message: string): void {
    this.#ports.toClient([encodeStatus(from.id, code, message)], () => this.#ports.clientTaken(from.size));
  }

  #refuse(from: From, refusal: Refusal): void {
    if (!this.#over) this.#tell(from, status.permissionDenied, refusalLine(refusal));
  }

  #answered(): Packet | undefined {
    return this.#over ? undefined : this.#fromTarget.next();
  }

  #answer(next: Packet): void {
    if (this.#phase === "version" && next.type === packet.version) {
      this.#phase = "home";
      this.#ports.targetTaken(next.size);
      const initialization = decodeInitialization(bodyOf(next));
      this.#start(initialization).catch((error: unknown) => this.#fail(error));
      return;
    }
    if (next.type === packet.data) {
      this.#data(next);
      return;
    }
    const body = bodyOf(next);
    const { id, response } = decodeResponse(body);
    const asking = this.#asked.take(id);
    checkAnswer(asking, response);
    const { client, settled, file, offset } = asking;
    if (file && offset !== undefined && response.type === "status" && response.code === status.eof) {
      file.ended(offset);
    }
    settled?.(response);
    if (client === undefined) {
      this.#ports.targetTaken(next.size);
      return;
    }
    const limits = asking.answer === "limits" && response.type === "extended";
    const rest = limits ? limitsWithin(response.data, this.#maxPacket) : body.subarray(5);
    this.#ports.toClient([packetHeader(next.type, client, rest.length), rest], () =>
      this.#ports.targetTaken(next.size),
    );
  }

  #data(next: Packet): void {
    const { id, data, length } = decodeData(withHead(next.parts, DATA_HEAD));
    const { answer, client, file, offset, length: most = 0 } = this.#asked.take(id);
    if (answer !== "data" || client === undefined || offset === undefined || length > most) {
      throw new GatehouseError("PROTOCOL_VIOLATION", "data that were not asked for");
    }
    file?.read(offset, data, length);
    this.#ports.toClient([dataHeader(client, length), ...data], () => this.#ports.targetTaken(next.size));
  }
}

/** A request of the client's: its id there, and its bytes on the wire. */
interface From {
  readonly id: number;
  readonly size: number;
}

const NO_SUBJECT: Subject = { paths: [], writes: false, structural: false };

function subjectOf(paths: readonly string[]): Subject {
  return { paths, writes: true, structural: false };
}

function isExtension(type: Request["type"]): type is ExtendedRequest["type"] {
  return type in extensions;
}

function isOk(response: Response): boolean {
  return response.type === "status" && response.code === status.ok;
}
