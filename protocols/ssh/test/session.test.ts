import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generatePrivateKey, writePrivateKey } from "@gatehouse/openssh";
import { startSshServer } from "@gatehouse/testkit";
import ssh2, { type Client, type ConnectConfig } from "ssh2";
import t, { type Test } from "tap";
import { type Front, type FrontOptions, startFront, TOKEN } from "./support/front.ts";

/*
 * The adapter between a client and a server of somebody else's making (ssh2). What OpenSSH makes of it is in clients/.
 */

const host = generatePrivateKey("ssh-ed25519");
const gateway = generatePrivateKey("ssh-ed25519");
const folder = await mkdtemp(join(tmpdir(), "gatehouse-ssh-target-"));
await writeFile(join(folder, "motd"), "hello\n");
await writeFile(join(folder, "secret"), "the <word> is hidden\n");
const server = await startSshServer({
  hostKey: writePrivateKey(host, "host").reveal(),
  authorizedKey: gateway.publicKey.toString(),
  user: "deploy",
  folder,
});
t.teardown(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

async function front(t: Test, options: Omit<FrontOptions, "target"> = {}): Promise<Front> {
  const started = await startFront({
    target: {
      port: server.port,
      hostKeys: [host.publicKey.toString()],
      user: "deploy",
      key: writePrivateKey(gateway, "gateway").reveal(),
    },
    ...options,
  });
  t.teardown(() => started.close());
  return started;
}

async function connected(
  t: Test,
  { port, key }: Front,
  proof: ConnectConfig = { privateKey: key },
): Promise<Client> {
  const client = newClient(t);
  await new Promise<void>((resolve, reject) => {
    client.once("ready", resolve);
    client.once("error", reject);
    client.once("close", () => reject(new Error("it was closed")));
    client.connect({ host: "127.0.0.1", port, username: "deploy@web", ...proof });
  });
  return client;
}

function newClient(t: Test): Client {
  const client = new ssh2.Client();
  t.teardown(() => client.destroy());
  // How it ends is what a test looks at; who is not asked must not end the process.
  client.on("error", () => undefined);
  return client;
}

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** @param input is sent at once, and its end behind it */
function run(client: Client, command: string, input?: string): Promise<Ended> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => {
      if (error) {
        reject(error);
        return;
      }
      let out = "";
      let err = "";
      let code: number | null = null;
      channel.on("data", (bytes: Buffer) => {
        out += bytes.toString();
      });
      channel.stderr.on("data", (bytes: Buffer) => {
        err += bytes.toString();
      });
      channel.on("exit", (status: number | null) => {
        code = status;
      });
      channel.on("close", () => resolve({ code, out, err }));
      if (input !== undefined) channel.end(input);
    });
  });
}

t.test("a command runs at the target, and its client has what it wrote and how it ended", async (t) => {
  const through = await front(t);
  const client = await connected(t, through);
  t.same(await run(client, "cat motd"), { code: 0, out: "hello\n", err: "" });
  t.match(await run(client, "nothing"), { code: 127, err: /command not found/ });
  client.end();
  await through.gate.until((events) => events.some(({ type }) => type === "closed"));
  t.match(
    through.recordings.all.map(({ command, output, exit }) => ({ command, output, exit })),
    [
      { command: "cat motd", output: "hello\n", exit: { status: 0 } },
      { command: "nothing", exit: { status: 127 } },
    ],
  );
});

t.test("an end of input that comes before the program is there is the program's all the same", async (t) => {
  const through = await front(t, { hold: ({ kind }) => kind === "exec" });
  const client = await connected(t, through);
  const ended = run(client, "cat motd", "");
  await through.gate.until((events) => events.some(({ type }) => type === "held"));
  through.gate.waiting[0]?.approve();
  t.match(await ended, { code: 0, out: "hello\n", err: /It waits/ });
});

t.test("a token is a password, and another one is none", async (t) => {
  const through = await front(t);
  const client = await connected(t, through, { password: TOKEN });
  t.match(await run(client, "whoami"), { out: "deploy\n" });
  await t.rejects(connected(t, through, { password: "another" }), /authentication methods failed/);
});

t.test("somebody is let in who signs in elsewhere meanwhile", async (t) => {
  const signIn = () => ({
    url: "https://idp.example.com/device",
    code: "WDJB-MJHT",
    until: Date.now() + 60_000,
    token: Promise.resolve(TOKEN),
  });
  // ssh2 answers by itself where nothing is to be typed in.
  const client = await connected(t, await front(t, { signIn }), { tryKeyboard: true });
  t.match(await run(client, "whoami"), { out: "deploy\n" });
  const denied = () => ({ ...signIn(), token: Promise.reject(new Error("denied")) });
  await t.rejects(connected(t, await front(t, { signIn: denied }), { tryKeyboard: true }), /methods failed/);
});

t.test("a key without a signature that holds lets nobody in", async (t) => {
  const through = await front(t);
  const other = writePrivateKey(generatePrivateKey("ssh-ed25519"), "other").reveal();
  await t.rejects(connected(t, through, { privateKey: other }), /authentication methods failed/);
  t.equal(through.gate.open, 0);
});

t.test("who shows keys in vain, and leaves, is on the record", async (t) => {
  const through = await front(t);
  const other = writePrivateKey(generatePrivateKey("ssh-ed25519"), "other").reveal();
  await t.rejects(connected(t, through, { privateKey: other }));
  await through.gate.until((events) => events.some(({ type }) => type === "rejected"));
  t.match(
    through.gate.events.filter(({ type }) => type === "rejected"),
    [{ refusal: { kind: "credential", message: /shown 1 keys/ } }],
  );
});

t.test("who asks for a target that is not there is told so, and is not asked for more", async (t) => {
  const through = await front(t);
  const client = newClient(t);
  const banner = new Promise<string>((resolve) => client.once("banner", resolve));
  const failed = new Promise<Error>((resolve) => client.once("error", resolve));
  client.connect({
    host: "127.0.0.1",
    port: through.port,
    username: "deploy@elsewhere",
    privateKey: through.key,
  });
  t.ok(await Promise.race([failed, banner]));
  t.equal(through.gate.open, 0);
});

t.test("what is refused is refused in SSH's own ways", async (t) => {
  const through = await front(t, { allow: () => false });
  const client = await connected(t, through);
  const before = server.ran.length;
  t.match(await run(client, "cat motd"), { code: 126, out: "", err: /No\.\n.*\n.*Reference: ref_/ });
  await t.rejects(
    new Promise((_, reject) =>
      client.forwardOut("127.0.0.1", 1, "127.0.0.1", 2, (error) =>
        reject(error ?? new Error("it was let through")),
      ),
    ),
    /No\. Reference: ref_/,
    "a forward",
  );
  await t.rejects(
    new Promise((_, reject) =>
      client.subsys("other", (error) => reject(error ?? new Error("it was let through"))),
    ),
    /Unable to start subsystem/,
    "a subsystem",
  );
  t.equal(server.ran.length, before);
});

t.test("files are decided one by one", async (t) => {
  const through = await front(t, { allow: ({ kind, access }) => kind === "sftp" && access === "read" });
  const client = await connected(t, through);
  const sftp = await new Promise<ssh2.SFTPWrapper>((resolve, reject) =>
    client.sftp((error, opened) => (error ? reject(error) : resolve(opened))),
  );
  const read = await new Promise<Buffer>((resolve, reject) =>
    sftp.readFile("motd", (error, bytes) => (error ? reject(error) : resolve(bytes))),
  );
  t.equal(read.toString(), "hello\n");
  const refused = await new Promise<Error | null | undefined>((resolve) =>
    sftp.writeFile("motd", "changed", resolve),
  );
  t.match(refused?.message, /No\./);
  t.equal(await readFile(join(folder, "motd"), "utf8"), "hello\n");
  const digest = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
  await through.gate.until((events) => events.some(({ type }) => type === "moved"));
  t.match(
    through.gate.events.find(({ type }) => type === "moved"),
    { transfer: { path: "/motd", direction: "down", bytes: 6, sha256: digest, complete: true } },
  );
});

t.test("what is masked is hidden, and files that can't be are refused", async (t) => {
  const rule = { policy: "p", rule: "secrets", source: "p:1" };
  const mask = {
    rule,
    columns: [],
    detect: ["angle"],
    with: { kind: "redact" },
    predicates: "refuse",
  } as const;
  const through = await front(t, { masks: () => [mask] });
  const client = await connected(t, through);
  t.match(await run(client, "cat secret"), { out: "the *** is hidden\n" });
  const sftp = await new Promise<ssh2.SFTPWrapper>((resolve, reject) =>
    client.sftp((error, opened) => (error ? reject(error) : resolve(opened))),
  );
  const refused = await new Promise<Error | undefined>((resolve) => sftp.readFile("secret", resolve));
  t.match(refused?.message, /can't be masked/);
});

t.test("a host key that the config does not know is not used", async (t) => {
  const through = await startFront({
    target: { port: server.port, hostKeys: [gateway.publicKey.toString()], user: "deploy", key: "" },
  });
  t.teardown(() => through.close());
  await t.rejects(connected(t, through));
  t.match(
    through.gate.events.find(({ type }) => type === "refused"),
    { refused: { reason: /TARGET_UNVERIFIED/ } },
  );
});
