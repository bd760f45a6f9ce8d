/** What a recording holds, as it is read back. Times are in milliseconds since its beginning. */
export type RecordedEvent =
  | {
      readonly kind: "header";
      readonly columns: number;
      readonly rows: number;
      /** Milliseconds since the epoch, in whole seconds. */
      readonly startedAt: number | undefined;
      readonly title: string | undefined;
      readonly command: string | undefined;
      readonly term: string | undefined;
    }
  | { readonly kind: "output" | "input" | "mark"; readonly at: number; readonly text: string }
  | { readonly kind: "resize"; readonly at: number; readonly columns: number; readonly rows: number }
  /** The last line has no end: the gateway stopped while it wrote, or writes at this moment. The line is left out. */
  | { readonly kind: "torn" };
