import { GatehouseError, type Lease, type Secret } from "@gatehouse/core";
import { isFieldValue } from "../codec/characters.ts";
import type { Field } from "../codec/fields.ts";
import { fieldOf } from "../encode.ts";
import { Redactor } from "./redaction.ts";
import { type InjectSetting, injectedParameter } from "./setting.ts";

/** What the gateway puts into a request, and what of it no client may see. */
export interface Injection {
  readonly field?: Field;
  readonly parameter?: { readonly name: string; readonly value: string };
  /** Takes it out of what the target says. */
  readonly redactor: Redactor;
}

/**
 * What proves the gateway at the target, made for one request and kept no longer.
 * @param token what an issuer gave for the lease: where `inject` says `oauth`, and nowhere else
 * @throws GatehouseError SECRET_UNAVAILABLE where there is no secret, or one that can't stand where it should; nothing is sent then
 */
export function injectionOf(setting: InjectSetting, lease: Lease, token?: Secret): Injection {
  if (setting === "none") return { redactor: new Redactor([]) };
  const kept = typeof setting === "object" && "oauth" in setting ? token : lease.password;
  const secret = kept?.reveal() ?? "";
  if (secret === "") throw unfit("is not there");
  const parameter = injectedParameter(setting);
  if (parameter !== undefined) {
    return { parameter: { name: parameter, value: checked(secret) }, redactor: redactorFor(lease, [secret]) };
  }
  if (setting === "basic") {
    // What stands behind the first colon is the password (RFC 7617, section 2).
    if (lease.user.includes(":")) throw unfit("has a user's name with a colon");
    const pair = `${checked(lease.user)}:${checked(secret)}`;
    const encoded = Buffer.from(pair, "utf8").toString("base64");
    return {
      field: fieldOf("Authorization", `Basic ${encoded}`),
      redactor: redactorFor(lease, [pair, secret]),
    };
  }
  const { name, prefix } =
    typeof setting === "object" && "header" in setting
      ? { name: setting.header, prefix: setting.prefix ?? "" }
      : { name: "Authorization", prefix: "Bearer " };
  const value = asBytes(checked(secret));
  // Blanks at an end would be lost on the way, and one within makes two words of a bearer's token.
  if (value.trim() !== value || (prefix === "Bearer " && value.includes(" "))) throw unfit("has blanks");
  return { field: fieldOf(name, prefix + value), redactor: redactorFor(lease, [secret]) };
}

/** To make one takes longer than to look for it in most answers: the requests of a lease have it together. */
const redactors = new WeakMap<Lease, { readonly secrets: readonly string[]; readonly redactor: Redactor }>();

function redactorFor(lease: Lease, secrets: readonly string[]): Redactor {
  const known = redactors.get(lease);
  if (known?.secrets.join("\n") === secrets.join("\n")) return known.redactor;
  const redactor = new Redactor(secrets);
  redactors.set(lease, { secrets, redactor });
  return redactor;
}

/** A CR or LF would begin a line, and so a field, of its own. */
function checked(text: string): string {
  if (text.includes("\t") || !isFieldValue(asBytes(text))) throw unfit("has control characters");
  return text;
}

function asBytes(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** Without a word of it. */
function unfit(why: string): GatehouseError {
  return new GatehouseError(
    "SECRET_UNAVAILABLE",
    `The credential that the request should have ${why}; nothing was sent to the target.`,
    { hint: "Look at the level's credential, and at `inject` of its target." },
  );
}
