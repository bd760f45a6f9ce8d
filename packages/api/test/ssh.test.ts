import { generatePrivateKey, readCertificate } from "@gatehouse/openssh";
import t from "tap";
import { z } from "zod";
import { certificateSchema } from "../src/bodies.ts";
import { ask, askAs, environment } from "./environment.ts";

const path = "/v1/ssh/certificates";
const hers = generatePrivateKey("ssh-ed25519").publicKey;
const publicKey = `${hers.toString()} ann@laptop`;

t.test("whoever has a token is given a certificate for their key, which logs them in", async (t) => {
  const env = await environment(t);
  const { status, body } = await askAs(env, "ann", path, { method: "POST", body: { publicKey } });
  t.equal(status, 200);
  const { certificate, ...said } = certificateSchema.parse(body);
  const read = readCertificate(Buffer.from(certificate.split(" ")[1] ?? "", "base64"));
  t.ok(read.publicKey.equals(hers));
  t.strictSame(said, {
    ...{
      keyId: "ann",
      principals: ["ann"],
      serial: read.serial.toString(),
      authority: read.authority.toString(),
    },
    validBefore: new Date(read.validBefore).toISOString(),
  });
  t.match(await askAs(env, "bob", "/v1/ssh"), {
    status: 200,
    body: { authority: said.authority, hostKeys: [] },
  });
  const client = { host: "127.0.0.1", port: 1 };
  t.match(await env.gateway.authenticate({ key: read.blob, client }), {
    subject: "ann",
    groups: ["crew-approver"],
  });
});

t.test("it may be asked to last for less than it may", async (t) => {
  const env = await environment(t, { tokenLifetime: 3_600_000 });
  const { body } = await askAs(env, "ann", path, { method: "POST", body: { publicKey, lifetime: 60 } });
  const { validBefore } = z.object({ validBefore: z.string() }).parse(body);
  const left = Date.parse(validBefore) - Date.now();
  t.ok(left > 0 && left <= 60_000);
});

t.test("without a token, or without a key, there is none", async (t) => {
  const env = await environment(t);
  t.match(await ask(env, path, { method: "POST" }), { status: 401 });
  t.match(await ask(env, "/v1/ssh"), { status: 401 });
  for (const body of [
    {},
    { publicKey: "" },
    { publicKey: "hunter2" },
    { publicKey, lifetime: 1 },
    { publicKey, principals: ["root"] },
  ]) {
    const answer = await askAs(env, "ann", path, { method: "POST", body });
    t.match(answer, { status: 400, body: { error: { code: "REQUEST_INVALID" } } }, JSON.stringify(body));
  }
});
