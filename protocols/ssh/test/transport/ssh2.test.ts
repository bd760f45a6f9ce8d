import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { generatePrivateKey, writePrivateKey } from "@gatehouse/openssh";
import ssh2 from "ssh2";
import t from "tap";
import { defaultAlgorithms } from "../../src/transport/algorithms.ts";
import { defaultRekeyTerms } from "../../src/transport/options.ts";
import { Transport } from "../../src/transport/transport.ts";
import { serveCat, throughCat } from "../support/echo.ts";
import { answerSignIn, signIn } from "../support/sign-in.ts";
import { clientOptions, serverOptions, sockets } from "../support/transports.ts";

const SIZE = 1_500_000;
const rekey = { ...defaultRekeyTerms, bytes: 300_000 };
const ciphers = [
  "aes128-gcm@openssh.com",
  "aes256-gcm@openssh.com",
  "aes256-ctr",
  "aes192-ctr",
  "aes128-ctr",
] as const;
const kex = [
  "curve25519-sha256",
  "curve25519-sha256@libssh.org",
  "ecdh-sha2-nistp256",
  "ecdh-sha2-nistp384",
  "ecdh-sha2-nistp521",
  "diffie-hellman-group14-sha256",
  "diffie-hellman-group16-sha512",
  "diffie-hellman-group18-sha512",
] as const;
const macs = ["hmac-sha2-512-etm@openssh.com", "hmac-sha2-256-etm@openssh.com"] as const;

/** Has ssh2's client send through `cat` of a server of ours, which changes the keys as it goes. */
async function fromSsh2(algorithms: ssh2.Algorithms): Promise<readonly [string, string]> {
  const ends = await sockets();
  const serving = Transport.open(serverOptions(ends.server, { rekey })).then((transport) => {
    answerSignIn(transport, "welcome", () => serveCat(transport));
  });
  const client = new ssh2.Client();
  const back = createHash("sha256");
  const sent = Buffer.alloc(SIZE, 6);
  const done = new Promise<void>((resolve, reject) => {
    client.on("error", reject);
    client.on("ready", () => {
      client.exec("cat", (error, stream) => {
        if (error) {
          reject(error);
          return;
        }
        stream.on("data", (bytes: Buffer) => back.update(bytes));
        stream.on("close", resolve);
        stream.end(sent);
      });
    });
  });
  client.connect({ sock: ends.client, username: "someone", algorithms });
  await Promise.all([serving, done]);
  client.end();
  return [createHash("sha256").update(sent).digest("hex"), back.digest("hex")];
}

t.test("ssh2's client sends and receives while keys are changed", async (t) => {
  for (const cipher of ciphers) {
    for (const hmac of cipher.includes("gcm") ? macs.slice(1) : macs) {
      const [there, back] = await fromSsh2({ cipher: [cipher], hmac: [hmac] });
      t.equal(back, there, `${cipher} ${hmac}`);
    }
  }
  for (const name of kex) {
    const [there, back] = await fromSsh2({ kex: [name], cipher: ["aes128-gcm@openssh.com"] });
    t.equal(back, there, name);
  }
});

t.test("ssh2's server receives and sends while keys are changed", async (t) => {
  const hostKey = writePrivateKey(generatePrivateKey("ecdsa-sha2-nistp256"), "test").reveal();
  const server = new ssh2.Server({ hostKeys: [hostKey], algorithms: { kex: [...kex] } }, (client) => {
    client.on("error", () => {});
    client.on("authentication", (context) => context.accept());
    client.on("session", (accept) => {
      accept().on("exec", (acceptExec) => {
        const stream = acceptExec();
        stream.on("end", () => stream.exit(0));
        stream.pipe(stream);
      });
    });
  });
  const listener = createServer({ noDelay: true }, (socket) => server.injectSocket(socket));
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  t.teardown(() => listener.close());
  const address = listener.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  for (const name of kex) {
    const algorithms = { ...defaultAlgorithms, kex: [name] };
    const transport = await Transport.open(
      clientOptions(connect({ port, host: "127.0.0.1" }), { algorithms, rekey }),
    );
    t.equal(await signIn(transport, "someone"), undefined);
    const [there, back] = await throughCat(transport, SIZE);
    t.equal(back, there, name);
    transport.disconnect(11, "");
  }
});
