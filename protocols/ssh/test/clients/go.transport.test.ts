// The key exchange that the OpenSSH of many machines does not have yet, with golang.org/x/crypto. `npm run test:clients` runs this.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import t from "tap";
import { defaultAlgorithms } from "../../src/transport/algorithms.ts";
import { defaultRekeyTerms } from "../../src/transport/options.ts";
import { Transport } from "../../src/transport/transport.ts";
import { serveCat, throughCat } from "../support/echo.ts";
import { answerSignIn, signIn } from "../support/sign-in.ts";
import { acceptedBy, clientOptions, serverOptions } from "../support/transports.ts";

const run = promisify(execFile);
const rekey = { ...defaultRekeyTerms, bytes: 1_500_000 };
/** What x/crypto has as well. */
const kex = defaultAlgorithms.kex.filter((name) => name !== "diffie-hellman-group18-sha512");

const folder = await mkdtemp(join(tmpdir(), "gatehouse-go-"));
t.teardown(() => rm(folder, { recursive: true }));
const go = join(folder, "transport");
await run("go", ["build", "-o", go, "."], { cwd: join(import.meta.dirname, "go") });

t.test("Go's client agrees with the server, and data survive that both change keys", async (t) => {
  for (const name of kex) {
    const listener = createServer({ noDelay: true });
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    const address = listener.address();
    const port = address !== null && typeof address === "object" ? address.port : 0;
    const serving = acceptedBy(listener).then(async (socket) => {
      const transport = await Transport.open(serverOptions(socket, { rekey }));
      answerSignIn(transport, "welcome", () => serveCat(transport));
      return transport.peer;
    });
    const [{ stdout }, peer] = await Promise.all([run(go, ["client", name, `127.0.0.1:${port}`]), serving]);
    listener.close();
    t.equal(stdout.trim(), "same", name);
    t.equal(peer.algorithms.kex, name);
    t.ok(peer.strict, "strict");
  }
});

t.test("Go's server agrees with the client, and data survive that both change keys", async (t) => {
  for (const name of kex) {
    const child = spawn(go, ["server", name], { stdio: ["ignore", "pipe", "inherit"] });
    const port = await new Promise<string>((resolve) =>
      createInterface({ input: child.stdout }).once("line", resolve),
    );
    const socket = connect({ port: Number(port), host: "127.0.0.1", noDelay: true });
    const transport = await Transport.open(clientOptions(socket, { rekey }));
    t.equal(transport.peer.algorithms.kex, name);
    t.ok(transport.peer.strict, "strict");
    t.equal(await signIn(transport, "someone"), undefined);
    const [there, back] = await throughCat(transport, 4_000_000);
    t.equal(back, there, name);
    const gone = once(child, "exit");
    transport.disconnect(11, "");
    await gone;
  }
});
