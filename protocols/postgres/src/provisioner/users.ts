import { randomBytes } from "node:crypto";
import { type Activation, Secret } from "@gatehouse/core";
import { verifierOf } from "../scram-keys.ts";
import type { PostgresLevelSettings } from "../settings.ts";
import { type Greeting, until } from "./administrator.ts";
import { quoteIdentifier, statement } from "./statement.ts";

/** Bytes of a password. */
const PASSWORD = 32;
/** Characters of a subject that a comment has. */
const SUBJECT = 256;
/** PostgreSQL counts -1 as none. */
const UNLIMITED = -1;

export interface NewPassword {
  readonly password: Secret;
  readonly verifier: string;
}

export async function newPassword(): Promise<NewPassword> {
  const password = new Secret(randomBytes(PASSWORD).toString("base64url"));
  return { password, verifier: await verifierOf(password) };
}

/** Makes a user that can't log in, a member of the roles that its level names. */
export function makeUser(
  server: Greeting,
  user: string,
  verifier: string,
  level: PostgresLevelSettings,
): string {
  const { version } = server;
  return [
    statement("make-user", version, { user, verifier }),
    statement("mark", version, { user }),
    ...(level.replication ? [statement("let-replicate", version, { user })] : []),
    ...(level.memberOf ?? []).map((role) => joinRole(server, user, level, role)),
    ...[...level.settings].map(([setting, value]) =>
      setting === "search_path"
        ? statement("begin-with-path", version, { user, schemas: namesIn(value) })
        : statement("begin-with", version, { user, setting, value }),
    ),
  ].join("");
}

/** Makes a user a member of a role. */
export function joinRole(
  { version }: Greeting,
  user: string,
  { setRole }: PostgresLevelSettings,
  role: string,
): string {
  return statement(setRole ? "join-and-become" : "join", version, { user, role });
}

/** Lets a user log in, as who has it from now on. @param spare connections beside one for each session */
export function letIn(server: Greeting, { name, holder, ttl, sessions }: Activation, spare: number): string {
  return statement("let-in", server.version, {
    user: name,
    until: until(server, ttl),
    sessions: Math.max(UNLIMITED, sessions + spare),
    holder: `gatehouse: session ${plain(holder.session)}, ${plain(holder.subject)}`,
  });
}

/** What a person reads in a list must not be able to move their cursor. */
function plain(text: string): string {
  // A lone surrogate can't be sent as UTF-8; to cut may leave one.
  return text
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\ufffd")
    .slice(0, SUBJECT)
    .toWellFormed();
}

/** The names of a list as the settings' reader writes it. */
function namesIn(list: string): readonly string[] {
  const names = [...list.matchAll(/"((?:[^"]|"")+)"/g)].map(([, name = ""]) => name.replaceAll('""', '"'));
  if (names.map(quoteIdentifier).join(", ") !== list)
    throw new TypeError("A search_path is not what its reader writes.");
  return names;
}
