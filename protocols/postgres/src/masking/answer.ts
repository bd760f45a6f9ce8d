import { GatehouseError } from "@gatehouse/core";
import { decodeCopyOutResponse } from "../codec/copy-out-response.ts";
import type { Decode } from "../codec/name.ts";
import { type DescribedColumn, decodeRowDescription, type RowColumn } from "../codec/row-description.ts";
import { CopyMasker } from "./copy.ts";
import { detectIn, scrub } from "./errors.ts";
import { detectingMask, type FieldMask, fieldMask, NULL, withheldMask } from "./fields.ts";
import { fitsOrigins } from "./origins.ts";
import type { MaskPlan, StatementPlan } from "./plan.ts";
import { type Rewriter, RowMasker } from "./rows.ts";
import { elementType, maskedType } from "./types.ts";
import type { ValueMasks } from "@gatehouse/core";

export interface MaskingContext {
  readonly values: ValueMasks;
  /** How texts are written in the session: asked for when rows are described. */
  readonly reading: { readonly encoding: string; readonly decode: Decode };
  /** Bytes of one row. */
  readonly limit: number;
  /** The server has said whether an answer's columns are those of the plan. */
  readonly compared: (fits: boolean) => void;
}

/**
 * The answer of one command that has a plan, on its way back. What it is comes in the server's order: for each statement
 * a RowDescription and its rows, or a CopyOutResponse and its data, and then the end.
 */
export class MaskedAnswer {
  readonly #plan: MaskPlan;
  readonly #context: MaskingContext;
  /** The statement that is being answered. */
  #statement = 0;
  /** Of its rows, when they have been described; `pass` where nothing of them is masked. */
  #rewriter: Rewriter | "pass" | undefined;
  #copy: CopyMasker | undefined;

  constructor(plan: MaskPlan, context: MaskingContext) {
    this.#plan = plan;
    this.#context = context;
  }

  /** What the server says of it may quote a masked value. */
  get touches(): boolean {
    return this.#plan.touches;
  }

  /** RowDescription, of rows. @throws GatehouseError PROTOCOL_VIOLATION where it does not fit the plan */
  described(body: Buffer): void {
    const plan = this.#current();
    const columns = this.#compared(body);
    this.#rewriter = this.#looksAt(plan) ? new RowMasker(this.#masks(plan, columns)) : "pass";
  }

  /** RowDescription, of a statement whose rows may come in any form. @throws as `described` */
  announced(body: Buffer): void {
    this.#compared(body);
  }

  /** CopyOutResponse. @throws GatehouseError PROTOCOL_VIOLATION where it does not fit the plan */
  copies(body: Buffer): void {
    const plan = this.#current();
    if (!this.#looksAt(plan)) {
      this.#rewriter = "pass";
      return;
    }
    const { binary, columns } = decodeCopyOutResponse(body);
    const format = plan.copy;
    if (format === undefined || format.kind === "unknown" || binary !== (format.kind === "binary"))
      throw notPlanned();
    const described = Array.from({ length: columns }, (_, index): RowColumn => {
      return { type: plan.types[index] ?? 0, modifier: -1, binary };
    });
    // In a COPY's rows NULL stays NULL, so that what is withheld has to be NULL too.
    const masks = this.#masks(plan, described).map((mask) =>
      mask && "fixed" in mask && mask.nulls ? NULL : mask,
    );
    this.#copy = new CopyMasker(format, masks, this.#context.limit);
    this.#rewriter = this.#copy;
  }

  /** CopyDone. @throws GatehouseError PROTOCOL_VIOLATION in the middle of a row */
  copied(): void {
    this.#copy?.done();
  }

  /**
   * What rewrites the rows that come now; undefined where they pass.
   * @throws GatehouseError PROTOCOL_VIOLATION where nothing has said what they are
   */
  get rewriter(): Rewriter | undefined {
    if (this.#rewriter === "pass") return undefined;
    if (this.#rewriter) return this.#rewriter;
    if (this.#looksAt(this.#current())) throw notPlanned();
    return undefined;
  }

  /** CommandComplete, or what stands in its place: what comes now is the next statement's. */
  completed(): void {
    this.#statement++;
    this.#rewriter = undefined;
    this.#copy = undefined;
  }

  /** An error or a notice, as the client may see it. @param letter "E" or "N" */
  said(letter: "E" | "N", body: Buffer): Buffer | undefined {
    if (this.#plan.touches) return scrub(letter, body);
    const { detecting } = this.#plan;
    if (detecting.length === 0) return undefined;
    return detectIn(letter, body, this.#context.values.detectors(detecting));
  }

  #compared(body: Buffer): readonly DescribedColumn[] {
    const { origins } = this.#current();
    const described = decodeRowDescription(body);
    if (origins === undefined) return described;
    const fits = fitsOrigins(described, origins);
    this.#context.compared(fits);
    if (!fits) throw notPlanned();
    return described;
  }

  #looksAt({ columns }: StatementPlan): boolean {
    return columns !== undefined || this.#plan.detecting.length > 0;
  }

  #current(): StatementPlan {
    const plan = this.#plan.statements[this.#statement];
    if (plan === undefined) throw notPlanned();
    return plan;
  }

  #masks(plan: StatementPlan, described: readonly RowColumn[]): (FieldMask | undefined)[] {
    const { values, reading } = this.#context;
    const encoding = { utf8: reading.encoding === "UTF8", decode: reading.decode };
    const { detecting } = this.#plan;
    const { columns } = plan;
    // Something has changed since the text was understood: nobody can say which column is which.
    if (columns !== undefined && columns.length !== described.length) throw notPlanned();
    const find = detecting.length > 0 ? values.detectors(detecting) : undefined;
    return described.map((told, index) => {
      const transform = columns?.[index];
      const column = { ...told, type: maskableType(told.type, plan.types[index]) };
      if (transform?.kind === "withheld") return withheldMask(column, values, encoding);
      if (transform) return fieldMask(transform, column, values, encoding);
      return find && detectingMask(find, column, values, encoding);
    });
  }
}

/** A type of somebody's own is masked as what it is below, where the lineage knows that: citext as text. */
function maskableType(told: number, below: number | undefined): number {
  return maskedType(elementType(told) ?? told) ? told : (below ?? told);
}

function notPlanned(): GatehouseError {
  return new GatehouseError(
    "PROTOCOL_VIOLATION",
    "The target's answer is not what the statement was understood to give, so that it could not be masked.",
    { hint: "Something has been changed at the target meanwhile: try again." },
  );
}
