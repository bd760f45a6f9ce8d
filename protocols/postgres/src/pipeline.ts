import { randomBytes } from "node:crypto";
import { type AdapterRefusal, GatehouseError, type Held, type OpenSession } from "@gatehouse/core";
import type { Analysis } from "./analysis/analysis.ts";
import type { Analyzer } from "./analysis/analyzer.ts";
import type { SessionCatalog } from "./catalog/session-catalog.ts";
import { analyzeFunctionCall } from "./analysis/function-calls.ts";
import { sizeOfAnalysis } from "./analysis/known-results.ts";
import { type Bind, decodeBind, ownParameters } from "./codec/bind.ts";
import type { ClientMessage } from "./codec/client-reader.ts";
import { decodeNamedObject } from "./codec/describe.ts";
import { decodeExecute } from "./codec/execute.ts";
import { encodeMalformedSync, typeCode } from "./codec/framing.ts";
import { decodeFunctionCall } from "./codec/function-call.ts";
import { decodeParse } from "./codec/parse.ts";
import { decodeQuery } from "./codec/query.ts";
import type { TransactionStatus } from "./codec/ready-for-query.ts";
import { type SqlCommand, toCommand } from "./commands.ts";
import { type Decided, Dispatch, type Part } from "./dispatch.ts";
import type { Expectation, Expectations } from "./expectations.ts";
import { FreshReading } from "./fresh-reading.ts";
import { crowded, malformed, noSuchName, notAlone, notEncoded, tooLarge, tooLong } from "./grounds.ts";
import { OnHold } from "./on-hold.ts";
import { Pending } from "./pending.ts";
import type { ValueMasks } from "@gatehouse/core";
import type { SessionReading } from "./reading.ts";
import { type Replication, SqlContext, type Statement } from "./sql-context.ts";
import type { Failure, Upstream } from "./upstream.ts";

/**
 * Messages of the extended protocol that are held back until it is clear what they ask for. A client sends
 * Parse, Bind, Describe and Execute one after the other and waits for nothing; as one unit they are one
 * Command, decided once with its parameters, and go on under one permit.
 */
interface Unit {
  readonly parse?: { readonly name: string; readonly statement: Statement; readonly part: Part };
  bind?: Bind & { readonly part: Part };
  execute?: Part;
  readonly parts: Part[];
}

export interface PipelineOptions {
  readonly session: OpenSession;
  readonly upstream: Upstream;
  readonly expectations: Expectations;
  readonly analyzer: Analyzer;
  readonly reading: SessionReading;
  readonly replication: Replication;
  readonly catalog: SessionCatalog;
  readonly values: ValueMasks;
  readonly reason?: string | undefined;
  /** Bytes: of one text, and of all that is kept for the names of one session. */
  readonly limits: { readonly statement: number; readonly message: number };
}

/** How many names a session may have in use at once, of statements and of portals each. */
const MAX_NAMES = 10_000;

/** Clients describe what they send once or twice. More messages than this are not held back, but sent on. */
const MAX_UNIT = 16;

const QUERY = typeCode("Q");
const PARSE = typeCode("P");
const BIND = typeCode("B");
const DESCRIBE = typeCode("D");
const EXECUTE = typeCode("E");
const CLOSE = typeCode("C");
const FUNCTION_CALL = typeCode("F");
const FLUSH = typeCode("H");
const SYNC = typeCode("S");
const COPY_DATA = typeCode("d");
const COPY_DONE = typeCode("c");
const COPY_FAIL = typeCode("f");

/** What carries the name of a statement or a portal. */
const NAMED: ReadonlySet<number> = new Set([PARSE, BIND, DESCRIBE, EXECUTE, CLOSE]);
/** Bytes of a message that has no body. */
const HEADER = 5;

const NONE: readonly never[] = [];
const NOTHING_BOUND = { parameters: NONE, parameterTypes: NONE };

/**
 * The client's messages, in order, on their way to the server: each that carries a command is decided first.
 *
 * What a message rests on (the text behind a name, what a text does, how texts are read now) is gathered before
 * anything is done for it. Where a part of that is not known yet, the message is handed in again when it is.
 */
export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #context: SqlContext;
  readonly #fresh: FreshReading;
  readonly #dispatch: Dispatch;
  readonly #onHold: OnHold;
  #unit: Unit | undefined;
  /** Counts Syncs: what is sent between two of them fails together. */
  #segment = 0;
  /** Names that a simple query gives belong to no segment. */
  #queries = 0;
  /** A message of this segment was refused: the server skips to the Sync, and so does the gateway. */
  #skipping = false;

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#context = new SqlContext({
      session: options.session.session,
      analyzer: options.analyzer,
      replication: options.replication,
      reading: options.reading,
      catalog: options.catalog,
    });
    this.#dispatch = new Dispatch(options);
    this.#onHold = new OnHold(options);
    this.#fresh = new FreshReading({
      ...options,
      // No client can have given this name before, and keep the gateway from asking.
      name: `gatehouse_reading_${randomBytes(12).toString("hex")}`,
      skipped: () => this.skip(),
    });
  }

  /** The connection is gone: of what was on its way, nobody can tell what has become. */
  lost(): void {
    this.#onHold.lost();
  }

  /** Nothing of the client's is held back. */
  get empty(): boolean {
    return this.#unit === undefined;
  }

  /** The command that waits for people, if one does. */
  get held(): Held | undefined {
    return this.#onHold.held;
  }

  get heldCommand(): SqlCommand | undefined {
    return this.#onHold.command;
  }

  /** The server skips all up to the next Sync: nothing before it would be run. */
  skip(): void {
    this.#skipping = true;
    this.#unit = undefined;
    this.#onHold.drop();
  }

  /** The client sends nothing more: what is held back goes out. @returns as `accept` */
  close(): Promise<unknown> | undefined {
    return this.#skipping ? undefined : this.#settleUnit();
  }

  /** ReadyForQuery: how the transaction stands. */
  ready(status: TransactionStatus): void {
    this.#fresh.ready(status);
    this.#options.catalog.ready(status);
    if (status === "idle") this.#context.transactionEnded();
  }

  /**
   * Takes the client's next message.
   * @returns undefined when it is done with; otherwise, when to hand the same message in again, before any other
   * @throws GatehouseError PROTOCOL_VIOLATION for a message that PostgreSQL would end the connection at
   */
  accept(message: ClientMessage): Promise<unknown> | undefined {
    const wait = this.#accept(message);
    // Whatever has become of the message, what was held for it is held no longer.
    if (!wait) this.#onHold.drop();
    return wait;
  }

  #accept(message: ClientMessage): Promise<unknown> | undefined {
    const { type } = message;
    if (type === SYNC) return this.#sync(message.bytes);
    if (type === COPY_DATA) return this.#copyData(message.bytes);
    if (this.#skipping) return undefined;
    // Names are in the encoding that the server reads them in; behind what is held back, that has been waited for.
    const wait = NAMED.has(type) && !this.#unit ? this.#fresh.wait(this.#segment) : undefined;
    if (wait) return wait;
    try {
      if (message.tooLarge !== undefined) return this.#tooLarge(type, message.tooLarge);
      switch (type) {
        case QUERY:
          return this.#query(message.bytes);
        case PARSE:
          return this.#parse(message.bytes);
        case BIND:
          return this.#bind(message.bytes);
        case DESCRIBE:
          return this.#describe(message.bytes);
        case EXECUTE:
          return this.#execute(message.bytes);
        case CLOSE:
          return this.#close(message.bytes);
        case FUNCTION_CALL:
          return this.#functionCall(message.bytes);
        case FLUSH:
          return this.#flush(message.bytes);
        case COPY_DONE:
        case COPY_FAIL:
          return this.#copyEnd(message.bytes);
      }
    } catch (error) {
      if (!(error instanceof GatehouseError) || error.code !== "PROTOCOL_VIOLATION") throw error;
      return this.#refuseMessage(type, malformed(error.message, type));
    }
    throw new GatehouseError("PROTOCOL_VIOLATION", `invalid frontend message type ${type}`);
  }

  #sync(bytes: Buffer): Promise<unknown> | undefined {
    const wait = this.#skipping ? undefined : this.#settleUnit();
    if (wait) return wait;
    const { expectations, upstream } = this.#options;
    const broken = bytes.length > HEADER;
    // During a COPY the server passes over it; unless what was sent before has failed, which may not be known yet.
    if (expectations.copying) {
      if (expectations.passOver()) upstream.control(broken ? encodeMalformedSync() : bytes);
      return undefined;
    }
    // A malformed one ends the segment too, and fails in doing so.
    if (broken) this.#dispatch.refuse(malformed("invalid message format", SYNC), "sync");
    else this.#dispatch.control({ expectation: { message: "sync" }, bytes });
    this.#skipping = false;
    this.#segment++;
    return undefined;
  }

  #flush(bytes: Buffer): Promise<unknown> | undefined {
    if (bytes.length > HEADER) throw new GatehouseError("PROTOCOL_VIOLATION", "invalid message format");
    const wait = this.#settleUnit();
    if (wait) return wait;
    if (!this.#skipping && !this.#options.expectations.copying) this.#options.upstream.control(bytes);
    return undefined;
  }

  #query(bytes: Buffer): Promise<unknown> | undefined {
    const raw = decodeQuery(bodyOf(bytes));
    const wait = this.#settleUnit() ?? this.#fresh.wait(this.#segment);
    if (wait || this.#skipping) return wait;
    const text = this.#readText(raw);
    if (typeof text !== "string") return this.#refuse(text, "query");
    const understood = this.#context.query(text, this.#segment);
    if (understood instanceof Pending) return understood.known;
    if ("refused" in understood) return this.#refuse(understood.refused, "query");
    const { analysis } = understood;
    if (this.#fresh.uncertain && analysis.statements > 1) return this.#refuse(notAlone(text), "query");
    const full = this.#crowded(analysis);
    if (full) return this.#refuse(full, "query");
    const { reading, reason } = this.#options;
    const given = {
      ...NOTHING_BOUND,
      decode: reading.decode,
      meaning: this.#context,
      runs: understood.runs,
      reason,
    };
    const command = toCommand("query", text, analysis, given);
    const decided = this.#onHold.decide({ command, failure: "query" });
    if (decided instanceof Pending) return decided.known;
    const expectation: Expectation = { message: "query" };
    if (!this.#dispatch.command(decided, [{ expectation, bytes }])) return undefined;
    // A name that a simple query gives is in no segment: whatever comes next waits until it is known.
    this.#runs(decided, expectation, --this.#queries, undefined);
    return undefined;
  }

  #parse(bytes: Buffer): Promise<unknown> | undefined {
    const { statement: name, text: raw, parameterTypes } = decodeParse(bodyOf(bytes), this.#readName);
    const wait = this.#settleUnit() ?? this.#fresh.wait(this.#segment);
    if (wait || this.#skipping) return wait;
    const text = this.#readText(raw);
    if (typeof text !== "string") return this.#refuse(text, "extended");
    const part: Part = { expectation: { message: "parse" }, bytes };
    const statement = { text, parameterTypes, declaredTypes: parameterTypes };
    this.#unit = { parse: { name, statement, part }, parts: [part] };
    return undefined;
  }

  #bind(bytes: Buffer): Promise<unknown> | undefined {
    const part: Part = { expectation: { message: "bind" }, bytes };
    const bind = { ...decodeBind(bodyOf(bytes), this.#readName), part };
    const unit = this.#unit;
    if (unit?.parse?.name === bind.statement && unit.bind === undefined) {
      unit.bind = bind;
      unit.parts.push(part);
      return undefined;
    }
    const wait = this.#settleUnit();
    if (wait || this.#skipping) return wait;
    this.#unit = { bind, parts: [part] };
    return undefined;
  }

  #describe(bytes: Buffer): Promise<unknown> | undefined {
    const { object, name } = decodeNamedObject(bodyOf(bytes), this.#readName);
    const unit = this.#unit;
    const own = object === "statement" ? unit?.parse?.name : unit?.bind?.portal;
    if (unit && own === name && unit.parts.length < MAX_UNIT) {
      unit.parts.push(
        object === "statement"
          ? describing(unit.parse?.statement, bytes)
          : { expectation: { message: "describe", rows: true }, bytes },
      );
      return undefined;
    }
    const wait = this.#settleUnit();
    if (wait || this.#skipping) return wait;
    const statement =
      object === "statement" ? this.#context.statements.lookUp(name, this.#segment) : undefined;
    if (statement instanceof Pending) return statement.known;
    this.#dispatch.control(describing(statement, bytes));
    return undefined;
  }

  #execute(bytes: Buffer): Promise<unknown> | undefined {
    const { portal: name } = decodeExecute(bodyOf(bytes), this.#readName);
    const part: Part = { expectation: { message: "execute" }, bytes };
    const unit = this.#unit;
    if (unit?.bind?.portal === name) {
      if (!unit.execute) {
        unit.execute = part;
        unit.parts.push(part);
      }
      return this.#settleUnit();
    }
    const wait = this.#settleUnit() ?? this.#fresh.wait(this.#segment);
    if (wait || this.#skipping) return wait;
    const portal = this.#context.portals.lookUp(name, this.#segment);
    if (portal instanceof Pending) return portal.known;
    if (!portal) return this.#refuse(noSuchName("portal", name), "extended");
    const understood = this.#context.portal(portal, this.#segment);
    if (understood instanceof Pending) return understood.known;
    if ("refused" in understood) return this.#refuse(understood.refused, "extended");
    const { analysis } = understood;
    const full = this.#crowded(analysis);
    if (full) return this.#refuse(full, "extended");
    const { statement } = portal;
    const { text, parameterTypes, declaredTypes = NONE } = statement;
    const { reason } = this.#options;
    const command = toCommand("execute", text, analysis, {
      parameters: portal.parameters,
      parameterTypes,
      declaredTypes,
      decode: portal.decode,
      meaning: this.#context,
      reason,
      runs: understood.runs,
      continues: this.#onHold.continues(portal),
    });
    const decided = this.#onHold.decide({ command, failure: "extended", statement }, portal);
    if (decided instanceof Pending) return decided.known;
    if (this.#dispatch.command(decided, [part])) {
      this.#onHold.runs(portal, decided);
      this.#runs(decided, part.expectation, this.#segment, this.#segment);
    } else {
      this.#skipping = true;
    }
    return undefined;
  }

  #close(bytes: Buffer): Promise<unknown> | undefined {
    const { object, name } = decodeNamedObject(bodyOf(bytes), this.#readName);
    const wait = this.#settleUnit();
    if (wait || this.#skipping) return wait;
    const settle =
      object === "statement"
        ? this.#context.statements.takeBack(name, this.#segment)
        : this.#context.portals.takeBack(name, this.#segment);
    if (settle instanceof Pending) return settle.known;
    this.#dispatch.control({
      expectation: settle ? { message: "close", settle } : { message: "close" },
      bytes,
    });
    return undefined;
  }

  /**
   * The data of a COPY that was decided. Outside of one, and while it skips, the server passes over them. They may be
   * part of a message whose beginning has gone on already: its rest must follow whatever has happened since, or the
   * server would take for data, or for messages, what is not.
   */
  #copyData(bytes: Buffer): Promise<unknown> | undefined {
    const wait = this.#skipping ? undefined : this.#settleUnit();
    if (wait) return wait;
    if (!this.#skipping) this.#options.expectations.copyData();
    this.#options.upstream.control(bytes);
    return undefined;
  }

  #copyEnd(bytes: Buffer): Promise<unknown> | undefined {
    const wait = this.#settleUnit();
    if (wait || this.#skipping) return wait;
    this.#options.expectations.copyEnds();
    this.#options.upstream.control(bytes);
    return undefined;
  }

  #functionCall(bytes: Buffer): Promise<unknown> | undefined {
    const { objectId, parameters } = decodeFunctionCall(bodyOf(bytes));
    const wait = this.#settleUnit() ?? this.#fresh.wait(this.#segment);
    if (wait || this.#skipping) return wait;
    const analysis = analyzeFunctionCall(objectId);
    const text = `${analysis.functions.join()}(${parameters.map((_, index) => `$${index + 1}`).join(", ")})`;
    const { reading, reason } = this.#options;
    const given = { ...NOTHING_BOUND, parameters, decode: reading.decode, meaning: this.#context, reason };
    const command = toCommand("function-call", text, analysis, given);
    const decided = this.#onHold.decide({ command, failure: "function-call" });
    if (decided instanceof Pending) return decided.known;
    const expectation: Expectation = { message: "function-call" };
    if (this.#dispatch.command(decided, [{ expectation, bytes }])) {
      this.#runs(decided, expectation, this.#segment, undefined);
    }
    return undefined;
  }

  /** Of what is larger than a message may be, nothing was stored; the session goes on behind it. */
  #tooLarge(type: number, size: number): Promise<unknown> | undefined {
    return this.#refuseMessage(type, tooLarge(type, size, this.#options.limits.message));
  }

  #refuseMessage(type: number, refused: AdapterRefusal): Promise<unknown> | undefined {
    const wait = this.#settleUnit();
    if (wait || this.#skipping) return wait;
    const failure = type === QUERY ? "query" : type === FUNCTION_CALL ? "function-call" : "extended";
    return this.#refuse(refused, failure);
  }

  /** Decides what was held back, and sends it on. */
  #settleUnit(): Promise<unknown> | undefined {
    const unit = this.#unit;
    if (!unit) return undefined;
    const { parse, bind, execute } = unit;
    const failure = parse?.name === "" ? "parse" : "extended";
    const stale = this.#fresh.wait(this.#segment);
    if (stale) return stale;
    const context = this.#context;
    const segment = this.#segment;
    const statement = parse?.statement ?? context.statements.lookUp(bind?.statement ?? "", segment);
    if (statement instanceof Pending) return statement.known;
    if (!statement) {
      return this.#refuse(noSuchName("prepared statement", bind?.statement ?? ""), "extended");
    }
    // Names that an older segment has left open are waited for here as in #close.
    const open =
      (parse && context.statements.open(parse.name, segment)) ??
      (bind && context.portals.open(bind.portal, segment));
    if (open) return open;
    const understood = parse ? context.query(statement.text, segment) : context.statement(statement, segment);
    if (understood instanceof Pending) return understood.known;
    if ("refused" in understood) return this.#refuse(understood.refused, failure);
    const { analysis } = understood;
    const declared = parse && context.refusedTypes(statement.text, statement.parameterTypes);
    const full = declared ?? this.#crowded(analysis);
    if (full) return this.#refuse(full, failure);
    const kind = execute ? "execute" : bind ? "bind" : "prepare";
    const parameters = bind?.parameters ?? [];
    const { reading, reason } = this.#options;
    const { decode } = reading;
    const { parameterTypes, declaredTypes = NONE } = statement;
    const { runs } = understood;
    const given = { parameters, parameterTypes, declaredTypes, decode, meaning: context, runs, reason };
    const command = toCommand(kind, statement.text, analysis, given);
    const decided = this.#onHold.decide({ command, failure, statement });
    if (decided instanceof Pending) return decided.known;
    this.#unit = undefined;
    if (!this.#dispatch.command(decided, unit.parts)) {
      this.#skipping = true;
      return undefined;
    }
    if (parse) {
      const { name, part } = parse;
      part.expectation.settle = context.statements.give(name, statement, segment, part.bytes.length);
    }
    if (bind) {
      const { portal: name, part } = bind;
      const { own: planned } = understood;
      const portal = { statement, parameters: ownParameters(parameters), decode, planned, hold: false };
      const size = part.bytes.length + sizeOfAnalysis(planned);
      part.expectation.settle = context.portals.give(name, portal, segment, size);
      if (execute) this.#onHold.runs(portal, decided);
    }
    if (execute) this.#runs(decided, execute.expectation, segment, segment);
    return undefined;
  }

  /**
   * A command is on its way to be run: what it does to the session's names, and to how texts are read.
   * @param named in which the names that it gives are known
   * @param segment that fails together with it; none where it fails alone
   */
  #runs(
    { command, held }: Decided,
    expectation: Expectation,
    named: number,
    segment: number | undefined,
  ): void {
    const analysis = command.shape;
    const follow = this.#context.follow(analysis, named);
    if (follow || held) {
      expectation.settle = (done, completed) => {
        follow?.(done ? Number.POSITIVE_INFINITY : completed);
        if (held) this.#onHold.answered(held, done);
      };
    }
    this.#fresh.sent(analysis, segment);
  }

  /** Refuses what stands at this place; in the extended protocol, the server skips to the Sync behind it. */
  #refuse(refused: AdapterRefusal, failure: Failure): Promise<unknown> | undefined {
    this.#unit = undefined;
    this.#dispatch.refuse(refused, failure);
    if (failure === "extended" || failure === "parse") this.#skipping = true;
    return undefined;
  }

  /** A name that is not ASCII is none while it is not certain what it is at the server. */
  readonly #readName = (bytes: Buffer): string | undefined => {
    const { reading } = this.#options;
    return this.#fresh.uncertain || reading.cutsElsewhere ? undefined : reading.decode(bytes);
  };

  #readText(bytes: Buffer): string | AdapterRefusal {
    const { limits, reading } = this.#options;
    const text = bytes.length > limits.statement ? undefined : reading.decode(bytes);
    if (text !== undefined) return text;
    return bytes.length > limits.statement
      ? tooLong(bytes, limits.statement)
      : notEncoded(reading.encoding, bytes.length);
  }

  /** Whether a session that has this many names already may give more. */
  #crowded({ effects }: Analysis): AdapterRefusal | undefined {
    const { statements, portals } = this.#context;
    const kept = statements.size + portals.size;
    const given = effects.length;
    return statements.count + given < MAX_NAMES &&
      portals.count + given < MAX_NAMES &&
      kept < this.#options.limits.message
      ? undefined
      : crowded(statements.count, portals.count, kept);
  }
}

/** A message's body: what stands behind its header. */
function bodyOf(bytes: Buffer): Buffer {
  return bytes.subarray(HEADER);
}

/** A Describe. Its answer says of which types a statement's parameters are. */
function describing(statement: Statement | undefined, bytes: Buffer): Part {
  if (statement === undefined) return { expectation: { message: "describe" }, bytes };
  const parameterTypes = (types: readonly number[]) => {
    statement.parameterTypes = types;
  };
  return { expectation: { message: "describe", parameterTypes }, bytes };
}
