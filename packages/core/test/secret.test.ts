import { Console } from "node:console";
import { PassThrough } from "node:stream";
import { format, inspect } from "node:util";
import { deserialize, serialize } from "node:v8";
import t from "tap";
import { messageOf, Secret } from "../src/index.ts";

/** What `console.log` writes. */
function logged(value: unknown): string {
  const stream = new PassThrough();
  new Console(stream).log(value);
  return String(stream.read());
}

t.test("a secret is printed by no common way of printing", async (t) => {
  const secret = new Secret("hunter2");
  const holder = { secret };
  for (const printed of [
    String(secret),
    "".concat(String(secret)),
    [secret].join(),
    JSON.stringify(holder),
    JSON.stringify({ [String(secret)]: [secret] }),
    inspect(holder, { showHidden: true, depth: 9 }),
    inspect(new Map([[secret, new Set([secret])]]), { showHidden: true, getters: true, depth: 9 }),
    format("%s %o %O %j", secret, secret, secret, secret),
    logged(holder),
    inspect(new Error("wrong: ".concat(String(secret)), { cause: secret }), { showHidden: true, depth: 9 }),
    messageOf(secret),
  ]) {
    t.notMatch(printed, "hunter2");
    t.match(printed, "[secret]");
  }
  t.equal(secret.reveal(), "hunter2");
});

t.test("nothing of a secret can be reached but by name", async (t) => {
  const secret = new Secret("hunter2");
  const hex = Buffer.from("hunter2").toString("hex");
  t.same(Reflect.ownKeys(secret), []);
  for (const copied of [Object.assign({}, secret), structuredClone(secret)]) {
    t.same(Reflect.ownKeys(copied), []);
  }
  t.notMatch(serialize(secret).toString("hex"), hex);
  t.same(deserialize(serialize(secret)), {});
  t.notMatch(inspect(secret, { customInspect: false, showHidden: true, depth: 9 }), /hunter2|68 75 6e/);
});

t.test("a secret that was wiped gives its value no more, and copies of it do", async (t) => {
  const secret = new Secret("hunter2");
  const copy = secret.copy();
  secret.wipe();
  secret.wipe();
  t.throws(() => secret.reveal(), { code: "SECRET_UNAVAILABLE" });
  t.throws(() => secret.copy(), { code: "SECRET_UNAVAILABLE" });
  t.equal(String(secret), "[secret]");
  t.equal(copy.reveal(), "hunter2");
});

t.test("bytes are copied: whoever brings them wipes their own", async (t) => {
  const bytes = Buffer.from("pässword");
  const secret = new Secret(bytes);
  bytes.fill(0);
  t.equal(secret.reveal(), "pässword");
});

t.test("wiping overwrites the bytes, and does not only forget them", async (t) => {
  const taken: Buffer[] = [];
  const allocate = Buffer.allocUnsafeSlow.bind(Buffer);
  const restore = t.intercept(Buffer, "allocUnsafeSlow", {
    value: (size: number) => {
      const bytes = allocate(size);
      taken.push(bytes);
      return bytes;
    },
  });
  const secret = new Secret("hunter2");
  restore.restore();
  t.same(taken.map(String), ["hunter2"]);
  secret.wipe();
  t.same(taken, [Buffer.alloc(7)]);
});
