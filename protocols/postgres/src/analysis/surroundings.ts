import type { CatalogIndex } from "../catalog/catalog-index.ts";
import type { ViewFacts } from "./consequences.ts";

/** What the names of a text are looked up in, where the target's catalog is known. */
export interface Surroundings {
  readonly catalog: CatalogIndex;
  /** The session may have made, changed or hidden what the catalog does not show. */
  readonly unsettled: boolean;
  /** It may also have changed what runs beside a statement: triggers, functions, views. */
  readonly redefined: boolean;
  readonly viewFacts: ViewFacts;
}
