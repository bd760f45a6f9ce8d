import { stat } from "node:fs/promises";
import { join } from "node:path";
import { AUDIT_FILE, formatHead, verifyAuditLog } from "@gatehouse/audit";
import type { VerifyOptions } from "./audit-options.ts";
import { Failed, paint, print, printError, printJson } from "./output.ts";

/** `gatehouse audit verify`: needs nothing but the file. */
export async function verify(path: string, { head, json }: VerifyOptions): Promise<void> {
  const file = (await isFolder(path)) ? await logIn(path) : path;
  const result = await verifyAuditLog(file, head ? { head } : {});
  if (json) printJson({ file, ...result });
  else if (result.ok) {
    print(
      `${paint("green", "✔")} ${file}: ${result.events} events, ${result.first ?? "-"} to ${result.last ?? "-"}`,
    );
    if (result.torn > 0)
      print(`  the last line is torn (${result.torn} bytes): the gateway was ended while it wrote`);
    print(`  head ${formatHead(result.head)}`);
    if (!head) print("  Keep the head elsewhere: with --head, a cut tail and a rewritten log are found too.");
  } else {
    printError(`${paint("red", "✘", process.stderr)} ${file}:${result.line}: ${result.message}`);
  }
  if (!result.ok) throw new Failed();
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isDirectory() ?? false;
}

/** A state folder has the log in `audit/`; the audit folder itself is taken as well. */
async function logIn(folder: string): Promise<string> {
  const nested = join(folder, "audit");
  return join((await isFolder(nested)) ? nested : folder, AUDIT_FILE);
}
