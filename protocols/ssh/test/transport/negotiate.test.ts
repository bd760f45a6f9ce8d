import t from "tap";
import { decodeKexInit, encodeKexInit, type KexInit } from "../../src/codec/kex-init.ts";
import { guessedRight, marker, negotiate } from "../../src/transport/negotiate.ts";

const violation = { code: "PROTOCOL_VIOLATION" };

const offer: KexInit = {
  kex: ["curve25519-sha256", "ecdh-sha2-nistp256"],
  hostKeys: ["ssh-ed25519", "rsa-sha2-512"],
  cipherToServer: ["aes128-gcm@openssh.com", "aes256-ctr"],
  cipherToClient: ["aes256-ctr", "aes128-gcm@openssh.com"],
  macToServer: ["hmac-sha2-512-etm@openssh.com"],
  macToClient: ["hmac-sha2-512-etm@openssh.com", "hmac-sha2-256-etm@openssh.com"],
  compressionToServer: ["none", "zlib@openssh.com"],
  compressionToClient: ["none"],
  guessFollows: false,
};

t.test("the client's order decides", async (t) => {
  const server = {
    ...offer,
    kex: ["ecdh-sha2-nistp256", "curve25519-sha256"],
    macToClient: ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"],
  };
  t.strictSame(negotiate(offer, server), {
    kex: "curve25519-sha256",
    hostKey: "ssh-ed25519",
    cipherToServer: "aes128-gcm@openssh.com",
    cipherToClient: "aes256-ctr",
    macToServer: "",
    macToClient: "hmac-sha2-512-etm@openssh.com",
  });
});

t.test("without anything in common there is no connection", async (t) => {
  for (const list of [
    "kex",
    "hostKeys",
    "cipherToServer",
    "cipherToClient",
    "macToClient",
    "compressionToClient",
  ] as const) {
    t.throws(() => negotiate({ ...offer, [list]: ["other"] }, offer), violation, list);
    t.throws(() => negotiate(offer, { ...offer, [list]: [] }), violation, list);
  }
  t.ok(negotiate({ ...offer, macToServer: [] }, offer), "GCM needs no MAC");
});

t.test("what only says something of a side is never chosen", async (t) => {
  for (const name of [...Object.values(marker.extInfo), ...Object.values(marker.strict)]) {
    const only = { ...offer, kex: [name] };
    t.throws(() => negotiate(only, only), violation, name);
  }
});

t.test("a guess is right where the first names are the same", async (t) => {
  t.ok(guessedRight(offer, offer));
  t.notOk(guessedRight(offer, { ...offer, kex: ["ecdh-sha2-nistp256"] }));
  t.notOk(guessedRight(offer, { ...offer, hostKeys: ["rsa-sha2-512"] }));
});

t.test("KEXINIT says what it was told to say, and nothing that is cut off does", async (t) => {
  const bytes = encodeKexInit({ ...offer, guessFollows: true }, Buffer.alloc(16, 1));
  t.strictSame(decodeKexInit(bytes), { ...offer, guessFollows: true });
  for (let end = 1; end < bytes.length; end++) {
    t.throws(() => decodeKexInit(bytes.subarray(0, end)), violation, `cut at ${end}`);
  }
  t.throws(() => decodeKexInit(Buffer.concat([bytes, Buffer.of(0)])), violation, "something behind it");
});
