import type { OpenSession } from "@gatehouse/core";
import { levelSettingsOf, settingsOf } from "./settings.ts";
import type { StartupRequest } from "./startup-parameters.ts";

/** Says to the database's own rules (row-level security) and logs who asks. No client can set it. */
export const SUBJECT = "gatehouse.subject";

/** Bytes of an application_name, beyond which the server cuts it. */
const NAME_LENGTH = 63;
/** Of these, what the subject has at the most; the rest is the client's own name. */
const SUBJECT_LENGTH = 40;

/**
 * Seconds after which the server asks a silent gateway whether it is still there, and how it goes on. The connections of
 * one that is gone for good end within a minute, and with that what keeps their users from being taken back.
 */
const KEEPALIVES = [
  ["tcp_keepalives_idle", "30"],
  ["tcp_keepalives_interval", "10"],
  ["tcp_keepalives_count", "3"],
] as const;

/**
 * The parameters of the StartupMessage by which a session begins at the target, beside the user: what the client has asked
 * for, and of a session that has a user of its own what its level sets and who it is. They are what RESET goes back to.
 */
export function sessionParameters(
  { session }: Pick<OpenSession, "session">,
  { settings, application, replication }: StartupRequest,
): ReadonlyMap<string, string> {
  const { database, schema } = settingsOf(session.target);
  const parameters = new Map([
    ["database", database],
    ["search_path", quoted(schema)],
  ]);
  const minted = "mint" in session.level.credential;
  if (minted)
    for (const [name, value] of levelSettingsOf(session.level).settings) parameters.set(name, value);
  for (const [name, value] of settings) parameters.set(name, value);
  if (minted) {
    for (const [name, value] of KEEPALIVES) parameters.set(name, value);
    parameters.set(SUBJECT, printable(session.identity.subject));
    parameters.set("application_name", applicationName(session.identity.subject, application));
  }
  if (replication !== "none") parameters.set("replication", replication === "logical" ? "database" : "true");
  return parameters;
}

/** `dana via psql`: for logs and pg_stat_activity. */
function applicationName(subject: string, application: string): string {
  const who = printable(subject).slice(0, SUBJECT_LENGTH);
  return (application === "" ? who : `${who} via ${application}`).slice(0, NAME_LENGTH);
}

/** A zero byte would end it early, and begin the next parameter. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, "?");
}

/** As an element of search_path, which is a list of identifiers. */
function quoted(schema: string): string {
  if (/^[a-z_][a-z0-9_]*$/.test(schema)) return schema;
  return `"${schema.replaceAll('"', '""')}"`;
}
