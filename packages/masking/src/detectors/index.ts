import type { Detector } from "../detector.ts";
import { connectionStrings } from "./connection-strings.ts";
import { contacts } from "./contacts.ts";
import { keys } from "./keys.ts";
import { nationalIds } from "./national-ids.ts";
import { payments } from "./payments.ts";
import { tokens } from "./tokens.ts";

/** What Gatehouse knows by itself. */
export const builtIn: readonly Detector[] = [
  ...keys,
  ...tokens,
  connectionStrings,
  ...contacts,
  ...payments,
  ...nationalIds,
];
