import { createDiffieHellmanGroup } from "node:crypto";
import t from "tap";
import { defaultAlgorithms } from "../../src/transport/algorithms.ts";
import { secretAsMpint } from "../../src/transport/key-derivation.ts";
import { kexMethod } from "../../src/transport/kex/methods.ts";

const violation = { code: "PROTOCOL_VIOLATION" };

/** Some answer at once, and some in time: whoever asks waits for both. */
function exchange(name: string) {
  const method = kexMethod(name);
  return {
    begin: () => {
      const { publicValue, finish } = method.begin();
      return { publicValue, finish: async (value: Buffer) => finish(value) };
    },
    answer: async (value: Buffer) => method.answer(value),
  };
}

for (const name of defaultAlgorithms.kex) {
  t.test(`${name}: both sides have the same secret, and no two exchanges`, async (t) => {
    const method = exchange(name);
    const secrets = new Set<string>();
    for (let count = 0; count < 2; count++) {
      const begun = method.begin();
      const { publicValue, secret } = await method.answer(begun.publicValue);
      t.strictSame(await begun.finish(publicValue), secret);
      secrets.add(secret.toString("hex"));
    }
    t.equal(secrets.size, 2);
  });

  t.test(`${name}: a value that is cut off, too long or empty is refused`, async (t) => {
    const method = exchange(name);
    const begun = method.begin();
    const { publicValue } = await method.answer(begun.publicValue);
    // What is cut off a number is a number: of groups only the sign and the range can be seen.
    const isNumber = name.startsWith("diffie");
    const wrong: Buffer[] = [Buffer.alloc(0), Buffer.concat([publicValue, Buffer.of(1)])];
    if (!isNumber) wrong.push(publicValue.subarray(1), publicValue.subarray(0, -1));
    for (const value of wrong) {
      await t.rejects(begun.finish(value), violation, "of a server");
      await t.rejects(method.answer(value), violation, "of a client");
    }
  });
}

t.test("points of few multiples are refused (RFC 7748 section 6.1)", async (t) => {
  const method = exchange("curve25519-sha256");
  // Points of order 1, 2, 4 and 8, and one that is the first again, unreduced.
  for (const point of [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  ]) {
    const value = Buffer.from(point, "hex");
    await t.rejects(method.answer(value), violation, point);
    const begun = method.begin();
    await t.rejects(begun.finish(value), violation, point);
    const hybrid = exchange("mlkem768x25519-sha256");
    const client = hybrid.begin().publicValue;
    await t.rejects(
      hybrid.answer(Buffer.concat([client.subarray(0, -32), value])),
      violation,
      "in the hybrid",
    );
  }
});

t.test("points beside the curve are refused, and points in another form", async (t) => {
  for (const name of ["ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521"]) {
    const method = exchange(name);
    const { publicValue } = method.begin();
    const beside = Buffer.from(publicValue);
    const last = beside.length - 1;
    beside.writeUInt8(beside.readUInt8(last) ^ 1, last);
    await t.rejects(method.answer(beside), violation, "beside");
    const hybrid = Buffer.from(publicValue);
    hybrid[0] = 6 + (publicValue.readUInt8(last) & 1);
    await t.rejects(method.answer(hybrid), violation, "both forms at once");
    const compressed = publicValue.subarray(0, 1 + (publicValue.length - 1) / 2);
    await t.rejects(method.answer(compressed), violation, "compressed");
    await t.rejects(method.answer(Buffer.of(0)), violation, "infinity");
  }
});

t.test("numbers out of range are refused", async (t) => {
  for (const [name, group] of [
    ["diffie-hellman-group14-sha256", "modp14"],
    ["diffie-hellman-group16-sha512", "modp16"],
    ["diffie-hellman-group18-sha512", "modp18"],
  ] as const) {
    const prime = createDiffieHellmanGroup(group).getPrime();
    const p = BigInt(`0x${prime.toString("hex")}`);
    const method = exchange(name);
    const begun = method.begin();
    for (const number of [0n, 1n, p - 1n, p, p + 1n, p * 4n]) {
      const hex = number.toString(16);
      const value = secretAsMpint(Buffer.from(hex.length % 2 ? `0${hex}` : hex, "hex")).subarray(4);
      await t.rejects(method.answer(value), violation, name);
      await t.rejects(begun.finish(value), violation, name);
    }
    await t.rejects(method.answer(Buffer.of(0x80)), violation, "negative");
    await t.rejects(method.answer(Buffer.of(0, 2)), violation, "with a zero too many");
  }
});

t.test("a key that is none for ML-KEM is refused (FIPS 203 section 7.2)", async (t) => {
  const method = exchange("mlkem768x25519-sha256");
  const { publicValue } = method.begin();
  const wrong = Buffer.from(publicValue);
  wrong.fill(0xff, 0, 1152);
  await t.rejects(method.answer(wrong), violation);
});
