import { createRequire } from "node:module";
import { join } from "node:path";

/** Loads a driver from where install.sh has put it: it is no dependency of the repository's. */
export const driver = createRequire(join(process.env["CLIENTS"] ?? "", "node", "package.json"));

export const REFUSED = "truncate payments";
export const MESSAGE = "Tables are not emptied through the gateway.";
