import { readFileSync } from "node:fs";
import { Secret } from "@gatehouse/core";
import t from "tap";
import { headerOf, matches, type SignatureVersion, signatureOf } from "../src/signature.ts";

interface Vector {
  readonly made: string;
  readonly version: SignatureVersion;
  readonly secret: string;
  readonly timestamp: string;
  readonly body: string;
  readonly signature: string;
}

const vectors = JSON.parse(readFileSync(new URL("vectors.json", import.meta.url), "utf8")) as Vector[];

t.test("signatures are those that others make of the same", async (t) => {
  for (const { version, secret, timestamp, body, signature } of vectors) {
    const made = signatureOf(new Secret(secret), version, timestamp, Buffer.from(body));
    t.equal(headerOf(version, made), signature);
    t.ok(matches(signature, version, made));
  }
});

t.test("nothing but the signature's own header matches it", async (t) => {
  const signature = signatureOf(new Secret("k"), "v1", "1", "body");
  const header = headerOf("v1", signature);
  for (const wrong of [
    "",
    "v1=",
    header.slice(0, -1),
    `${header}0`,
    `${header}, ${header}`,
    ` ${header}`,
    `${header}\n`,
    header.toUpperCase(),
    header.replace("v1=", "v0="),
    header.replace("v1=", ""),
    `v1=${"0".repeat(64)}`,
    header.replace(/.$/, (digit) => (digit === "0" ? "1" : "0")),
  ]) {
    t.notOk(matches(wrong, "v1", signature), JSON.stringify(wrong));
  }
  t.notOk(matches(header, "v0", signature));
});
