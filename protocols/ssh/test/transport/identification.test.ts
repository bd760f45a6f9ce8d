import t from "tap";
import { IdentificationReader, identification } from "../../src/transport/identification.ts";

const violation = { code: "PROTOCOL_VIOLATION" };

function read(peer: "server" | "client", text: string, split = text.length): string | undefined {
  const reader = new IdentificationReader(peer);
  const bytes = Buffer.from(text, "latin1");
  const rest = reader.push(bytes.subarray(0, split)) ?? reader.push(bytes.subarray(split));
  return rest && `${reader.line}|${rest.toString("latin1")}`;
}

t.test("an identification is found wherever the bytes are split", async (t) => {
  const text = "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n";
  for (let at = 1; at <= text.length; at++) {
    t.equal(read("client", text, at), "SSH-2.0-OpenSSH_9.2p1 Debian-2|", `split at ${at}`);
  }
  t.equal(read("client", `${identification("x")}\nrest`), "SSH-2.0-x|rest", "an end of line without CR");
  t.equal(read("server", "SSH-1.99-old\r\n"), "SSH-1.99-old|", "2.0 of a server that has 1 as well");
  t.equal(read("server", "SSH-2.0-x"), undefined, "not all there");
});

t.test("a server may say something before it, so much and no more; a client may not", async (t) => {
  t.equal(read("server", `${"welcome\r\n".repeat(50)}SSH-2.0-x\r\n`), "SSH-2.0-x|");
  t.throws(() => read("server", `${"welcome\r\n".repeat(51)}SSH-2.0-x\r\n`), violation, "too many lines");
  t.throws(() => read("server", "x".repeat(20_000)), violation, "a line without an end");
  t.throws(() => read("client", "GET / HTTP/1.1\r\n"), violation);
  t.throws(() => read("client", "x".repeat(256)), violation, "a line without an end");
});

t.test("what is no SSH 2 is refused", async (t) => {
  t.equal(read("client", `SSH-2.0-${"x".repeat(245)}\r\n`)?.length, 254, "as long as it may be");
  for (const line of [
    "SSH-1.5-old",
    "SSH-2.1-new",
    "SSH-2.0-",
    "SSH-2.0-a\0b",
    "SSH-2.0-gr\xf6\xdfer",
    `SSH-2.0-${"x".repeat(246)}`,
  ]) {
    t.throws(() => read("server", `${line}\r\n`), violation, line.slice(0, 20));
  }
});
