import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Secret, systemClock } from "@gatehouse/core";
import { createMemoryLog } from "@gatehouse/testkit";
import { Callbacks } from "@gatehouse/webhooks";
import type { Test } from "tap";

/**
 * Serves one callback that tells what it has taken, or answers 401.
 * @returns the environment by which a client finds it
 */
export async function callbackFor(t: Test): Promise<NodeJS.ProcessEnv> {
  const key = randomBytes(32).toString("hex");
  const callbacks = new Callbacks({
    secrets: { resolve: () => Promise.resolve(new Secret(key)) },
    callbacks: () => [
      {
        name: "chatops",
        secret: { from: "env", name: "CALLBACK_KEY" },
        form: "generic",
        groups: ["dba"],
        provider: "corp",
        issuer: "https://idp.example.com",
      },
    ],
    clock: systemClock,
    log: createMemoryLog(),
  });
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      callbacks.verify("chatops", request.headers, Buffer.concat(chunks)).then(
        (answer) => response.end(JSON.stringify(answer)),
        () => response.writeHead(401).end(),
      );
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { PATH: process.env["PATH"], CALLBACK_KEY: key, CALLBACK_URL: `http://127.0.0.1:${port}/` };
}
