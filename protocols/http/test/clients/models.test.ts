import { execFile } from "node:child_process";
import { copyFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { startModelServer } from "@gatehouse/testkit";
import t from "tap";
import { SECRET, startFront, TOKEN } from "../support/front.ts";

/*
 * The libraries of model APIs through the adapter, with another base URL and the agent's own token in place of the API's key; each does the same
 * round. install.sh puts them where these tests look.
 */

const run = promisify(execFile);
const root = join(import.meta.dirname, "..", "..", "..", "..");
const clients = resolve(process.env["CLIENTS"] ?? join(root, "node_modules", ".clients"), "http");
const FOLDER = t.testdir();

const ARGUMENTS = ['{"to":', '"bob"}'];
const ROUNDS = {
  openai: {
    listed: ["scripted"],
    whole: ["hello world", '{"to":"bob"}'],
    deltas: ["hello world", "other", '{"to":"bob"}'],
    embedded: [0.25, -0.5, 1],
    used: 6,
    response: "hello world",
    events: ["hello", " world", "hello world"],
    refused: [true, true, 403, "permission_error"],
  },
  anthropic: {
    whole: ["hello world", { to: "bob" }],
    streamed: [["hello", " world"], { to: "bob" }, 5],
    refused: [true, true, 403, "permission_error"],
  },
};

for (const api of ["openai", "anthropic"] as const) {
  for (const language of ["node", "python"]) {
    t.test(`${api} of ${language} does its round`, async (t) => {
      let embedded = Promise.withResolvers<void>();
      const target = await startModelServer({
        key: SECRET,
        script({ path, body }) {
          if (path === "/v1/embeddings") embedded.resolve();
          const isChat = path === "/v1/chat/completions" && isStreamed(body);
          if (isChat) embedded = Promise.withResolvers();
          // The rest of a streamed chat comes when the client has shown that it has the first of it.
          const second = isChat ? { text: " world", after: () => embedded.promise } : " world";
          const call = { name: "pay", tokens: ARGUMENTS };
          return { choices: [{ tokens: ["hello", second], call }, { tokens: ["other"] }] };
        },
      });
      const front = await startFront({
        target,
        settings: { api, ...(api === "anthropic" && { inject: { header: "X-Api-Key" } }) },
        allow: ({ access, facts }) => access === "read" && facts["model"] !== "forbidden",
      });
      t.teardown(async () => {
        await front.close();
        await target.stop();
      });
      const ca = join(FOLDER, `${api}-${language}.crt`);
      await writeFile(ca, front.ca);
      const [command, script] =
        language === "python"
          ? [join(clients, "python", "bin", "python"), join(import.meta.dirname, "models.py")]
          : // Modules are looked for beside the file that asks for them.
            [process.execPath, join(clients, "node", "models.mjs")];
      if (language === "node") await copyFile(join(import.meta.dirname, "node", "models.js"), script);
      const { stdout } = await run(command, [script, api, `https://localhost:${front.port}/api`, TOKEN], {
        env: { ...process.env, NODE_EXTRA_CA_CERTS: ca, SSL_CERT_FILE: ca },
      });
      const { refused, ...round } = JSON.parse(stdout) as { refused: readonly unknown[] };
      const { refused: error, ...expected } = ROUNDS[api];
      t.same(round, expected);
      t.same(refused.slice(0, -1), error);
      t.match(refused.at(-1), /No\..*\(reference ref_[0-9]+\)/);
      t.notOk(target.requests.some(({ headers }) => JSON.stringify(headers).includes(TOKEN)));
    });
  }
}

function isStreamed(body: unknown): boolean {
  return typeof body === "object" && body !== null && "stream" in body && body.stream === true;
}
