import {
  type AdapterRefusal,
  type Command,
  GatehouseError,
  type OpenSession,
  type Permit,
  type Refusal,
} from "@gatehouse/core";
import type { Analysis } from "./analysis/analysis.ts";
import type { Analyzer } from "./analysis/analyzer.ts";
import { type Bind, type BindParameter, decodeBind } from "./codec/bind.ts";
import { decodeNamedObject } from "./codec/describe.ts";
import { decodeExecute } from "./codec/execute.ts";
import type { Frame } from "./codec/framing.ts";
import { decodeFunctionCall } from "./codec/function-call.ts";
import { decodeParse, type Parse } from "./codec/parse.ts";
import { decodeQuery } from "./codec/query.ts";
import { type CommandKind, toCommand } from "./commands.ts";
import type { Expectation, Expectations } from "./expectations.ts";
import { fetchOfPortal, noSuchName, refusedByAnalysis, tooLong, withoutSync } from "./grounds.ts";
import { ProvisionalNames } from "./provisional-names.ts";
import type { Failure, Upstream } from "./upstream.ts";

/** What is known of a prepared statement. */
interface Statement {
  readonly text: string;
  readonly parameterTypes: readonly number[];
}

/** What is known of a portal: a statement and the parameters it was bound to. */
interface Portal extends Statement {
  readonly parameters: readonly BindParameter[];
}

/**
 * Messages of the extended protocol that are held back until it is clear what they ask for. A client sends
 * Parse, Bind, Describe and Execute one after the other and waits for nothing; as one unit they are one
 * Command, decided once with its parameters, and go on under one permit.
 */
interface Unit {
  readonly parse?: Parse;
  readonly bind?: Bind;
  readonly messages: readonly { readonly message: Expectation["message"]; readonly bytes: Buffer }[];
}

export interface PipelineOptions {
  readonly session: OpenSession;
  readonly upstream: Upstream;
  readonly expectations: Expectations;
  readonly analyzer: Analyzer;
  readonly schema: string;
  /** Bytes: of one text, and of all that is kept for the names of one session. */
  readonly limits: { readonly statement: number; readonly message: number };
}

/** How many names a session may have in use at once, of statements and of portals each. */
const MAX_NAMES = 10_000;

/** Clients describe what they send once or twice. More messages than this are not held back, but sent on. */
const MAX_UNIT = 16;

/** The client's messages, in order, on their way to the server: each that carries a command is decided first. */
export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #statements = new ProvisionalNames<Statement>();
  readonly #portals = new ProvisionalNames<Portal>();
  #unit: Unit | undefined;
  /** Counts Syncs: what is sent between two of them fails together. */
  #segment = 0;
  /** A message of this segment was refused: the server skips to the Sync, and so does the gateway. */
  #skipping = false;
  /**
   * Where a command of unknown access was sent, while its end is not known: the segment that has to end first, or
   * "query" for a simple query, which ends by itself.
   */
  #opaque: number | "query" | undefined;

  constructor(options: PipelineOptions) {
    this.#options = options;
  }

  /** Nothing of the client's is held back. */
  get empty(): boolean {
    return this.#unit === undefined;
  }

  /** The transaction has ended at the server, and its portals with it. */
  transactionEnded(): void {
    this.#portals.forgetSettled();
  }

  /**
   * Takes the client's next message. One at a time: the next may come when this has resolved.
   * @throws GatehouseError PROTOCOL_VIOLATION
   */
  async accept(frame: Frame): Promise<void> {
    const type = String.fromCharCode(frame.type);
    if (type === "S") return this.#sync(frame);
    if (this.#skipping) return;
    switch (type) {
      case "Q":
        await this.#settleUnit();
        return this.#query(frame);
      case "P":
        await this.#settleUnit();
        this.#unit = { parse: decodeParse(frame.body), messages: [{ message: "parse", bytes: frame.bytes }] };
        return;
      case "B":
        return this.#bind(frame);
      case "D":
        return this.#describe(frame);
      case "E":
        return this.#execute(frame);
      case "C":
        await this.#settleUnit();
        return this.#close(frame);
      case "F":
        await this.#settleUnit();
        return this.#functionCall(frame);
      case "H":
        await this.#settleUnit();
        if (!this.#options.expectations.copying) this.#options.upstream.control(frame.bytes);
        return;
      case "d":
      case "c":
      case "f":
        await this.#settleUnit();
        this.#copyData(type, frame);
        return;
      default:
        throw new GatehouseError("PROTOCOL_VIOLATION", `invalid frontend message type ${frame.type}`);
    }
  }

  async #sync(frame: Frame): Promise<void> {
    // During a COPY the server would pass over it, and so does the gateway: both then await the same answers.
    if (this.#options.expectations.copying) return;
    if (!this.#skipping) await this.#settleUnit();
    this.#options.expectations.push({ message: "sync" });
    this.#options.upstream.control(frame.bytes);
    this.#skipping = false;
    this.#segment++;
  }

  async #query(frame: Frame): Promise<void> {
    const text = decodeQuery(frame.body);
    const behind = await this.#behindOpaque(text);
    if (behind) {
      this.#fail("query", await this.#options.session.refuse(behind));
      return;
    }
    const decided = await this.#decide("query", { text, parameterTypes: [] }, []);
    if ("refusal" in decided) {
      this.#fail("query", decided.refusal);
      return;
    }
    this.#sent(decided, "query");
    this.#options.expectations.push({ message: "query" });
    this.#options.upstream.send(decided.permit, decided.command, [frame.bytes]);
  }

  async #bind(frame: Frame): Promise<void> {
    const bind = decodeBind(frame.body);
    const message = { message: "bind", bytes: frame.bytes } as const;
    const parse = this.#unit?.parse;
    if (this.#unit && parse?.statement === bind.statement && this.#unit.bind === undefined) {
      this.#unit = { parse, bind, messages: [...this.#unit.messages, message] };
      return;
    }
    await this.#settleUnit();
    if (!this.#skipping) this.#unit = { bind, messages: [message] };
  }

  async #describe(frame: Frame): Promise<void> {
    const named = decodeNamedObject(frame.body);
    const unit = this.#unit;
    const own = named.object === "statement" ? unit?.parse?.statement : unit?.bind?.portal;
    if (unit && own === named.name && unit.messages.length < MAX_UNIT) {
      this.#unit = { ...unit, messages: [...unit.messages, { message: "describe", bytes: frame.bytes }] };
      return;
    }
    await this.#settleUnit();
    if (this.#skipping) return;
    this.#options.expectations.push({ message: "describe" });
    this.#options.upstream.control(frame.bytes);
  }

  async #execute(frame: Frame): Promise<void> {
    const { portal: name } = decodeExecute(frame.body);
    const unit = this.#unit;
    if (unit?.bind?.portal === name) {
      this.#unit = { ...unit, messages: [...unit.messages, { message: "execute", bytes: frame.bytes }] };
      await this.#settleUnit("execute");
      return;
    }
    await this.#settleUnit();
    if (this.#skipping) return;
    const portal = await this.#portals.resolve(name, this.#segment);
    if (!portal) {
      await this.#refuse(noSuchName("portal", name));
      return;
    }
    const decided = await this.#decide("execute", portal, portal.parameters);
    if ("refusal" in decided) {
      this.#fail("extended", decided.refusal);
      return;
    }
    this.#sent(decided, this.#segment);
    this.#options.expectations.push({ message: "execute" });
    this.#options.upstream.send(decided.permit, decided.command, [frame.bytes]);
  }

  async #close(frame: Frame): Promise<void> {
    if (this.#skipping) return;
    const { object, name } = decodeNamedObject(frame.body);
    const names = object === "statement" ? this.#statements : this.#portals;
    // A name whose fate is open in an older segment is waited for, so that undoing never crosses segments.
    const known = await names.resolve(name, this.#segment);
    // One that means nothing here costs nothing to close.
    const settle = known && assign(names, name, undefined, this.#segment, 0);
    this.#options.expectations.push(settle ? { message: "close", settle } : { message: "close" });
    this.#options.upstream.control(frame.bytes);
  }

  /** The data of a COPY that was decided. Outside of one, the server passes over them. */
  #copyData(type: "d" | "c" | "f", frame: Frame): void {
    if (this.#skipping) return;
    if (type !== "d") this.#options.expectations.copyEnds();
    this.#options.upstream.control(frame.bytes);
  }

  async #functionCall(frame: Frame): Promise<void> {
    if (this.#skipping) return;
    const refusal = await this.#options.session.refuse({
      kind: "unsupported",
      message: "Function calls by object id are not let through.",
      hint: "Call the function by its name, in a SELECT.",
      text: `FunctionCall of object id ${decodeFunctionCall(frame.body)}`,
    });
    this.#fail("function-call", refusal);
  }

  /** Decides what was held back, and sends it on; with `kind` where the unit has been completed. */
  async #settleUnit(kind?: CommandKind): Promise<void> {
    const unit = this.#unit;
    if (!unit) return;
    this.#unit = undefined;
    const { parse, bind } = unit;
    const statement = parse ?? (await this.#statements.resolve(bind?.statement ?? "", this.#segment));
    if (!statement) {
      await this.#refuse(noSuchName("prepared statement", bind?.statement ?? ""));
      return;
    }
    const refused = this.#crowded() ?? (await this.#behindOpaque(statement.text));
    if (refused) {
      await this.#refuse(refused);
      return;
    }
    // Names that an older segment has left open are waited for here as in #close.
    if (parse && parse.statement !== "") await this.#statements.resolve(parse.statement, this.#segment);
    if (bind && bind.portal !== "") await this.#portals.resolve(bind.portal, this.#segment);
    const decided = await this.#decide(
      kind ?? (bind ? "bind" : "prepare"),
      statement,
      bind?.parameters ?? [],
    );
    if ("refusal" in decided) {
      this.#fail("extended", decided.refusal);
      return;
    }
    if (kind === "execute") this.#sent(decided, this.#segment);
    for (const { message, bytes } of unit.messages) {
      const settle =
        message === "parse" && parse
          ? assign(this.#statements, parse.statement, pick(parse), this.#segment, bytes.length)
          : message === "bind" && bind
            ? assign(
                this.#portals,
                bind.portal,
                { ...pick(statement), parameters: bind.parameters },
                this.#segment,
                bytes.length,
              )
            : undefined;
      this.#options.expectations.push(settle ? { message, settle } : { message });
    }
    this.#options.upstream.send(
      decided.permit,
      decided.command,
      unit.messages.map(({ bytes }) => bytes),
    );
  }

  async #decide(
    kind: CommandKind,
    { text, parameterTypes }: Statement,
    parameters: readonly BindParameter[],
  ): Promise<Decided> {
    const { session, analyzer, schema, limits } = this.#options;
    if (Buffer.byteLength(text) > limits.statement) {
      return { refusal: await session.refuse(tooLong(text, limits.statement)) };
    }
    const result = await analyzer.analyze(text, schema);
    const refused = refusedByAnalysis(result, text);
    if (refused) return { refusal: await session.refuse(refused) };
    if (!result.ok) throw new TypeError("An analysis that failed must have been refused.");
    const { analysis } = result;
    const fetched = await this.#fetchedPortal(analysis);
    if (fetched !== undefined) return { refusal: await session.refuse(fetchOfPortal(fetched, text)) };
    const command = toCommand(kind, text, analysis, parameters, parameterTypes);
    const verdict = await session.decide(command);
    return verdict.ok ? { permit: verdict.permit, command, analysis } : { refusal: verdict.refusal };
  }

  /** A portal of the protocol's that a FETCH names: it would run that portal's command, decided or not. */
  async #fetchedPortal({ fetches }: Analysis): Promise<string | undefined> {
    for (const name of fetches) {
      if ((await this.#portals.resolve(name, this.#segment)) !== undefined) return name;
    }
    return undefined;
  }

  /** Refuses what stands at this place of the extended protocol; the server skips to the Sync. */
  async #refuse(refused: AdapterRefusal): Promise<void> {
    this.#fail("extended", await this.#options.session.refuse(refused));
  }

  #fail(how: Failure, refusal: Refusal): void {
    this.#options.expectations.push({ message: how === "extended" ? "bind" : how, refusal });
    this.#options.upstream.fail(how, refusal.reference);
    if (how === "extended") this.#skipping = true;
  }

  /** A command is about to run at the server: what it makes void of the gateway's knowledge, and what it hides. */
  #sent({ analysis }: Extract<Decided, { analysis: Analysis }>, where: number | "query"): void {
    // Names that it gives another meaning in SQL itself.
    this.#statements.forget(analysis.forgets.statements);
    this.#portals.forget(analysis.forgets.portals);
    if (analysis.access === "unknown") this.#opaque = where;
  }

  /**
   * What runs inside a function that is not known may change how the next text is read, and the server tells of
   * it with ReadyForQuery. So the next text waits for that; in the same segment, it would wait for ever.
   */
  async #behindOpaque(text: string): Promise<AdapterRefusal | undefined> {
    if (this.#opaque === undefined) return undefined;
    if (this.#opaque === this.#segment) return withoutSync(text);
    await this.#options.expectations.answers();
    this.#opaque = undefined;
    return undefined;
  }

  #crowded(): AdapterRefusal | undefined {
    const { message } = this.#options.limits;
    const kept = this.#statements.size + this.#portals.size;
    if (this.#statements.count < MAX_NAMES && this.#portals.count < MAX_NAMES && kept < message)
      return undefined;
    return {
      kind: "too_large",
      message: "This session keeps more prepared statements and portals than the gateway follows.",
      hint: "Close those that are not needed any more.",
      text: `${this.#statements.count} statements, ${this.#portals.count} portals, ${kept} bytes`,
    };
  }
}

type Decided =
  | { readonly refusal: Refusal }
  | {
      readonly permit: Permit;
      readonly command: Command;
      readonly analysis: Analysis;
    };

function assign<T>(
  names: ProvisionalNames<T>,
  name: string,
  value: T | undefined,
  segment: number,
  size: number,
): (done: boolean) => void {
  const entry = names.assign(name, value, segment, size);
  return (done) => names.settle(entry, done);
}

function pick({ text, parameterTypes }: Statement): Statement {
  return { text, parameterTypes };
}
