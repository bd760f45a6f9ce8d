import type { Access, Command, Facts, FactSchema, Mask, MaskingOutcome } from "@gatehouse/core";
import { fingerprintOf, type Meaning, outlineOf, reasonIn } from "./fingerprint.ts";
import { type Analysis, DOES_NOTHING } from "./analysis/analysis.ts";
import type { BindParameter } from "./codec/bind.ts";
import type { Decode } from "./codec/name.ts";
import { parameterText } from "./codec/parameter.ts";
import type { StatementLineage } from "./lineage/lineage.ts";
import { type MaskPlan, planMasks } from "./masking/plan.ts";

/** What `when` can ask of a statement. */
export const sqlFacts: FactSchema = {
  prefix: "sql",
  facts: {
    access: {
      type: "string",
      description:
        'The most that it does: "read", "write", "ddl", "admin", or "unknown" where that can\'t be told.',
    },
    verbs: {
      type: "list<string>",
      description: "SELECT, INSERT, DELETE, DROP ...; changes inside WITH included.",
    },
    named: { type: "list<string>", description: "Relations that the text itself names, as schema.name." },
    reads: {
      type: "list<string>",
      description: "Relations that it reads, as schema.name: also those behind views, and partitions.",
    },
    writes: {
      type: "list<string>",
      description:
        "Relations that it changes, locks or defines: also those that views and foreign keys lead to.",
    },
    columns: {
      type: "list<string>",
      description:
        "Columns that it reads or changes, as schema.table.column; unknown where not all can be told.",
    },
    functions: {
      type: "list<string>",
      description: "Functions that it calls, as schema.name: also those behind views, triggers, operators.",
    },
    functionKinds: {
      type: "list<string>",
      description:
        'What is among them: "user-defined", "volatile", "security definer", "files", "servers", "settings".',
    },
    locks: {
      type: "list<string>",
      description: 'Locks of tables that it takes, reads aside: "ROW EXCLUSIVE", "ACCESS EXCLUSIVE" ...',
    },
    statements: { type: "int", description: "How many statements the text has." },
    unfiltered: { type: "bool", description: "It has an UPDATE or DELETE without WHERE, or a TRUNCATE." },
    unlimited: {
      type: "bool",
      description: "It has a SELECT of its own that gives rows without LIMIT or FETCH FIRST.",
    },
    text: { type: "string", description: "The text as it was sent.", varies: true },
    params: {
      type: "list<string>",
      description: "Its parameters as text, in order; NULL is the empty string.",
      varies: true,
    },
  },
};

/**
 * How a client asked: by the start-up packet, in a simple query, with a statement to prepare, one bound to its
 * parameters, one to run, a function called by its object id.
 */
export type CommandKind = "startup" | "query" | "prepare" | "bind" | "execute" | "function-call";

/** What goes into an audit event of each parameter, and of how many. The facts have them whole. */
const AUDITED_LENGTH = 1024;
const AUDITED_COUNT = 256;
/** Characters of the texts that a command may run by name, where people are asked about it. */
const MOST_RUN = 256 * 1024;

/** What a statement is given beside its text. */
export interface Given {
  readonly parameters: readonly BindParameter[];
  /** Object ids by position, as far as they are known. */
  readonly parameterTypes: readonly number[];
  /** Reads texts in the encoding of the session. */
  readonly decode: Decode;
  /** Those that the client has declared beside the text. */
  readonly declaredTypes?: readonly number[];
  /** What texts mean in the session at the moment. */
  readonly meaning?: Meaning;
  /** The texts of what it runs by name. */
  readonly runs?: readonly string[] | undefined;
  /** It gives more of the answer of a portal that was run before. */
  readonly continues?: boolean;
  /** Why, where the session has said so for all that it does. */
  readonly reason?: string | undefined;
}

const NOTHING_GIVEN: Given = { parameters: [], parameterTypes: [], decode: () => undefined };

/** @param analysis of exactly this text; commands that share one differ in text and parameters alone */
export function toCommand(
  kind: CommandKind,
  text: string,
  analysis: Analysis,
  given = NOTHING_GIVEN,
): SqlCommand {
  return new SqlCommand(kind, text, analysis, given);
}

/** A command as far as its text tells. What its answer would show, and so how that is masked, only the target's catalog knows. */
export function withoutCatalog({
  protocol,
  kind,
  verbs,
  access,
  userFunctions,
  resources,
  text,
  parameters,
  facts,
}: Command): Command {
  return { protocol, kind, verbs, access, userFunctions, resources, text, parameters, facts };
}

/** The settings of a start-up packet, as the SET that each stands for. */
export function settingsCommand(settings: ReadonlyMap<string, string>): Command {
  const texts = [...settings].map(([name, value]) => `SET ${name} = '${value.replaceAll("'", "''")}'`);
  return toCommand("startup", texts.join("; "), {
    ...DOES_NOTHING,
    statements: settings.size,
    verbs: ["SET"],
    access: "admin",
    own: "admin",
    lineage: Array.from(settings, () => NOTHING_READ),
  });
}

const NOTHING_READ: StatementLineage = { predicates: [], reads: [], writes: [], flows: [], gaps: [] };

/** Most decisions are known from the shape alone, so that what costs is made when it is asked for. */
export class SqlCommand implements Command {
  readonly protocol = "postgres";
  readonly kind: CommandKind;
  readonly shape: Analysis;
  readonly #text: string;
  readonly #given: Given;
  #plan: MaskPlan | undefined;

  constructor(kind: CommandKind, text: string, analysis: Analysis, given: Given) {
    this.kind = kind;
    this.shape = analysis;
    this.#text = text;
    this.#given = given;
  }

  /** What becomes of its answer; undefined where that passes as it is. Known when it has been decided. */
  get plan(): MaskPlan | undefined {
    return this.#plan;
  }

  mask(masks: readonly Mask[]): MaskingOutcome {
    // Its answer is one value, of a type that is not told.
    if (this.kind === "function-call") return CALL_NOT_MASKED;
    if (this.shape.streams === true) return STREAM_NOT_MASKED;
    const planned = planMasks(this.shape, masks);
    if (planned.ok) this.#plan = planned.plan;
    return planned;
  }

  get verbs(): readonly string[] {
    return this.shape.verbs;
  }

  get access(): Access {
    return this.shape.access;
  }

  get userFunctions(): Command["userFunctions"] {
    return this.shape.userFunctions;
  }

  get resources(): readonly string[] {
    return resourcesOf(this.shape);
  }

  get text(): string {
    return this.shape.redacted ?? this.#text;
  }

  /** As it goes to the server. */
  get statement(): {
    readonly text: string;
    readonly types: readonly number[];
    readonly parameters: readonly BindParameter[];
  } {
    const { declaredTypes = [], parameters } = this.#given;
    return { text: this.#text, types: declaredTypes, parameters };
  }

  /** Not a PREPARE of SQL's own: an EXECUTE has another text, about which a rule may say nothing. */
  get prepares(): boolean {
    return this.kind === "prepare" || this.kind === "bind";
  }

  get continues(): boolean {
    return this.#given.continues === true;
  }

  get runs(): readonly string[] | undefined {
    return this.#given.runs;
  }

  get reasonHint(): string {
    return REASON_HINT;
  }

  get reason(): string | undefined {
    return reasonIn(this.#text) ?? this.#given.reason;
  }

  get outline(): string | undefined {
    return outlineOf(this.#text);
  }

  get touches(): readonly string[] | undefined {
    return columnsOf(this.shape);
  }

  /** None of a start-up's settings: who is not in yet can't be told to wait. Nor where nobody could read what it runs. */
  get fingerprint(): Command["fingerprint"] {
    const { runs = NONE } = this.#given;
    if (this.kind === "startup" || runs.reduce((sum, { length }) => sum + length, 0) > MOST_RUN)
      return undefined;
    return (of) => fingerprintOf(of, this.#text, this.shape, { ...this.#given, columns: this.touches });
  }

  get parameters(): readonly (string | null)[] {
    const { parameters } = this.#given;
    if (parameters.length === 0) return NONE;
    return parameters.slice(0, AUDITED_COUNT).map((parameter, index) => {
      const { value } = parameter;
      if (value === null || value.length <= AUDITED_LENGTH) return this.#parameter(parameter, index);
      const beginning = { ...parameter, value: value.subarray(0, AUDITED_LENGTH) };
      return `${this.#parameter(beginning, index) ?? ""}… (${value.length} bytes)`;
    });
  }

  get facts(): Facts {
    const { access, verbs, named, reads, writes, functions, functionKinds, locks } = this.shape;
    const { statements, unfiltered, unlimited } = this.shape;
    const columns = columnsOf(this.shape);
    const params = this.#given.parameters.map((parameter, index) => this.#parameter(parameter, index) ?? "");
    return {
      ...{ access, verbs, named, reads, writes, functions, functionKinds, locks },
      ...(columns ? { columns } : {}),
      ...{ statements, unfiltered, unlimited, text: this.#text, params },
    };
  }

  #parameter(parameter: BindParameter, index: number): string | null {
    const { parameterTypes, decode } = this.#given;
    return parameterText(parameter, parameterTypes[index] ?? 0, decode);
  }
}

const REASON_HINT =
  "Say why in a comment in front of the statement, such as /* reason: INC-1234 the customer asked for it */, or for the whole session by -c gatehouse.reason=... in its options.";

const CALL_NOT_MASKED: MaskingOutcome = {
  ok: false,
  message: "Answers are masked here, and that of a function called by its object id can't be.",
  hint: "Call the function in a SELECT.",
};

/** Where masks have come since the connection was opened. */
const STREAM_NOT_MASKED: MaskingOutcome = {
  ok: false,
  message: "Values of this target are masked, and what replication sends can't be.",
  hint: "Ask for a level that no mask is about.",
};

const NONE: readonly never[] = [];

/** What it names first, then what else it reads and changes; the same list for all commands of one shape. */
const resourcesOf = foundOnce(({ named, reads, writes }) => {
  return [...new Set([...named, ...reads, ...writes])].slice(0, AUDITED_COUNT);
});

/** The columns that it reads or changes; undefined where not all can be told. */
const columnsOf = foundOnce(({ statements, lineage }) => {
  if (lineage?.length !== statements || lineage.some(({ gaps }) => gaps.length > 0)) return undefined;
  return [...new Set(lineage.flatMap(({ reads, writes }) => [...reads, ...writes]))].sort();
});

function foundOnce<Result>(find: (analysis: Analysis) => Result): (analysis: Analysis) => Result {
  const found = new WeakMap<Analysis, { readonly result: Result }>();
  return (analysis) => {
    const known = found.get(analysis) ?? { result: find(analysis) };
    found.set(analysis, known);
    return known.result;
  };
}
