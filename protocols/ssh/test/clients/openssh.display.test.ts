import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import { ssh } from "../support/openssh.ts";
import { realTarget } from "../support/real-target.ts";

/*
 * X11 of OpenSSH's own client, through the adapter, to a real sshd. Needs openssh-client, openssh-server and xauth
 * (test/clients/install.sh), and no display.
 */

const folder = await mkdtemp(join(tmpdir(), "gatehouse-display-"));
// Cookies stay away from where the machine's user has theirs.
const { front } = await realTarget(t, [`SetEnv XAUTHORITY=${join(folder, "at-target")}`]);
t.teardown(() => rm(folder, { recursive: true }));

/** A client of X11 as far as its first message goes (X protocol, section 8, "Connection Setup"), and what it is answered. */
const VISITOR = `
import { execFileSync } from "node:child_process";
import { connect } from "node:net";
const display = process.env.DISPLAY;
if (!display) {
  console.log("no display");
  process.exit();
}
const [, host, number] = /^(.*):(\\d+)/.exec(display);
const listed = execFileSync("xauth", ["list"]).toString().trim().split("\\n");
const [, protocol, cookie] = listed.find((line) => line.split(" ")[0].endsWith(":" + number)).split(/ +/);
const padded = (bytes) => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
const name = Buffer.from(protocol);
const data = Buffer.from(cookie, "hex");
const head = Buffer.alloc(12);
head.write("l");
[11, 0, name.length, data.length].forEach((field, at) => head.writeUInt16LE(field, 2 + 2 * at));
const socket = connect(6000 + Number(number), host);
socket.write(Buffer.concat([head, padded(name), padded(data)]));
socket.once("data", (answer) => {
  console.log("answered: " + answer);
  socket.destroy();
});
socket.on("error", (error) => console.log(error.code));
`;
const visitor = join(folder, "visitor.mjs");
await writeFile(visitor, VISITOR);

/** A display that answers whoever comes; and a client's environment that has it. */
async function display(t: Test) {
  const asked: string[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("data", (bytes: Buffer) => {
      asked.push(bytes.subarray(12, 30).toString());
      socket.end("a display");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("no port");
  const env = {
    ...process.env,
    DISPLAY: `127.0.0.1:${address.port - 6000}.0`,
    XAUTHORITY: join(folder, "at-client"),
  };
  return { asked, env };
}

t.test("a program at the target reaches the client's display where a rule allows it", async (t) => {
  const { asked, env } = await display(t);
  const through = await front(t);
  const ended = await ssh(through, ["-Y", "--", `${process.execPath} ${visitor}`], { env });
  t.equal(ended.out.toString(), "answered: a display\n", ended.err);
  t.same(asked, ["MIT-MAGIC-COOKIE-1"]);
  t.match(through.gate.commands, [{ kind: "x11", access: "admin" }, { kind: "exec" }]);
});

t.test(
  "where no rule allows it there is no display, the client says why, and the program runs",
  async (t) => {
    const { asked, env } = await display(t);
    const through = await front(t, { allow: ({ kind }) => kind !== "x11" });
    const ended = await ssh(through, ["-Y", "--", `${process.execPath} ${visitor}`], { env });
    t.equal(ended.out.toString(), "no display\n");
    t.match(ended.err, /gatehouse: No\./);
    t.same(asked, []);
  },
);
