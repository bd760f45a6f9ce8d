/**
 * Where the values of one of a command's answers come from, for who looks into policies. What is stored is named as
 * masks name it: `schema.table.column`.
 */
export interface AnswerLineage {
  /** Of each part of the answer that has a name, in order; absent where there is no answer. */
  readonly outputs?: readonly {
    readonly name: string;
    readonly from: readonly string[];
    /** It is one stored value as it stands, and not computed. */
    readonly exact: boolean;
  }[];
  /** What decides on what the answer holds, and in which order, without being in it. */
  readonly predicates: readonly string[];
  /** Values that go elsewhere than into the answer; `to` is in words. */
  readonly flows: readonly { readonly from: readonly string[]; readonly to: string }[];
  /** Which parts were not understood, in words. */
  readonly gaps: readonly string[];
}
