import { once } from "node:events";
import { generateKeyPairSync, sign } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createAuthority } from "@gatehouse/certs";
import pg from "pg";
import t from "tap";
import { Gateway } from "../src/index.ts";
import { auditEvents, type Environment, environment, startProvider, TOKEN_LIFETIME } from "./environment.ts";

/** Logs in over a real socket, and is refused. */
async function refusedWith(gateway: Gateway, env: Environment, password: string): Promise<pg.DatabaseError> {
  const client = new pg.Client({
    host: "127.0.0.1",
    port: gateway.port("postgres") ?? 0,
    user: "reader",
    database: "orders",
    password,
    ssl: { ca: env.ca },
  });
  client.on("error", () => undefined);
  const ended = once(client, "end");
  try {
    await client.connect();
  } catch (error) {
    await ended;
    if (error instanceof pg.DatabaseError) return error;
    throw error;
  }
  throw new Error("it was let in");
}

/** The same claims, signed by another key under the same key id. */
function forge(token: string): string {
  const [header = "", payload = ""] = token.split(".");
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const signature = sign("sha256", Buffer.from(`${header}.${payload}`), {
    key: privateKey,
    dsaEncoding: "ieee-p1363",
  });
  return `${header}.${payload}.${signature.toString("base64url")}`;
}

/** Not signed at all, and says so (RFC 8725 section 3.1). */
function unsigned(token: string): string {
  const header = Buffer.from(JSON.stringify({ alg: "none", typ: "at+jwt" })).toString("base64url");
  return `${header}.${token.split(".")[1] ?? ""}.`;
}

t.test(
  "credentials that prove nothing are refused in the same words; only the audit log says why",
  async (t) => {
    const authority = await createAuthority({ name: "Other CA", now: Date.now() });
    const pair = await authority.issue({
      use: "server",
      commonName: "other",
      names: ["127.0.0.1"],
      now: Date.now(),
    });
    const elsewhere = await startProvider(t, pair, "another-service");
    const stranger = await startProvider(t, pair, "gatehouse");
    const env = await environment(t, {
      providers: `    - { name: elsewhere, issuer: "${elsewhere.issuer}", audience: gatehouse, ca: file:other.crt }`,
    });
    await writeFile(join(env.folder, "other.crt"), authority.certificatePem);
    const gateway = await Gateway.start(env);
    t.teardown(() => gateway.stop("test ended"));

    const good = await env.provider.token("crew-analyst");
    env.clock.advance(TOKEN_LIFETIME + 60_000);
    const fresh = await env.provider.token("crew-analyst");
    const cases: readonly (readonly [string, string, RegExp])[] = [
      ["empty", "", /^IDENTITY_INVALID: /],
      ["garbage", "hunter2", /^IDENTITY_INVALID: /],
      ["a token's shape around nothing", "e30.e30.e30", /^IDENTITY_INVALID: /],
      ["expired", good, /^IDENTITY_EXPIRED: /],
      ["forged", forge(fresh), /^IDENTITY_INVALID: /],
      ["unsigned", unsigned(fresh), /^IDENTITY_(INVALID|ALGORITHM): /],
      ["for another audience", await elsewhere.token("crew-analyst"), /^IDENTITY_AUDIENCE: /],
      ["of a provider that is not configured", await stranger.token("crew-analyst"), /^IDENTITY_INVALID: /],
      ["60 KB long", "x".repeat(60_000), /^IDENTITY_INVALID: /],
    ];
    for (const [what, credential, reason] of cases) {
      const error = await refusedWith(gateway, env, credential);
      t.match(
        error,
        {
          severity: "FATAL",
          code: "28P01",
          message: /^The credential was not accepted\.$/,
          hint: "Get a new access token, and give it as the password.",
          detail: /^Reference: ref_[0-9A-Z]{16}$/,
        },
        what,
      );
      const event = (await auditEvents(env.folder)).at(-1);
      t.match(
        event,
        { type: "login.failed", kind: "credential", reason, target: "orders", level: "reader" },
        what,
      );
      t.match(error.detail, event?.type === "login.failed" ? event.reference : "no event", what);
    }
    const written =
      (await readFile(join(env.folder, "state", "audit", "audit.jsonl"), "utf8")) +
      JSON.stringify(env.log.entries);
    for (const [what, credential] of cases) {
      if (credential !== "") t.notOk(written.includes(credential), `${what}: is in no log`);
      const signature = credential.split(".")[2] ?? "";
      if (signature.length > 20) t.notOk(written.includes(signature), `${what}: nor is its signature`);
    }
  },
);
