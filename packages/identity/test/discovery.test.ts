import { createServer, type AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { join } from "node:path";
import t, { type Test } from "tap";
import { discoverKeys } from "../src/discovery.ts";
import { MAX_DOCUMENT_BYTES } from "../src/http.ts";
import {
  configured,
  createSigningKey,
  discoveryPath,
  json,
  mintTls,
  startBareProvider,
} from "./bare-provider.ts";

const tls = await mintTls();
const key = await createSigningKey("ES256", "k1");
const ca = join(t.testdir({ "ca.crt": tls.ca, "empty.crt": "" }), "ca.crt");

async function underTest(t: Test) {
  const provider = await startBareProvider(tls);
  t.teardown(() => provider.stop());
  provider.publish(key);
  const discover = (changes: Parameters<typeof configured>[1] = {}, signal = new AbortController().signal) =>
    discoverKeys(configured(provider.issuer, { ca, ...changes }), { signal });
  return { ...provider, discover };
}

t.test("the keys are those at the discovery document's jwks_uri", async (t) => {
  const { discover, asked } = await underTest(t);
  t.match((await discover()).find.jwks(), { keys: [{ kid: "k1" }] });
  t.strictSame(asked, [discoveryPath, "/jwks"]);
});

t.test("an issuer's last slash is not doubled on the way to its document", async (t) => {
  const { discover, asked, answers, issuer } = await underTest(t);
  answers.set(discoveryPath, json({ issuer: `${issuer}/`, jwks_uri: `${issuer}/jwks` }));
  await discover({ issuer: `${issuer}/` });
  t.strictSame(asked, [discoveryPath, "/jwks"]);
});

t.test("a document that speaks for another issuer is not used", async (t) => {
  const { discover, asked, answers, issuer } = await underTest(t);
  for (const other of ["https://idp.example.com", `${issuer}/`, "", undefined, [issuer]]) {
    answers.set(discoveryPath, json({ issuer: other, jwks_uri: `${issuer}/jwks` }));
    await t.rejects(discover(), /document of another issuer/);
  }
  t.notOk(asked.includes("/jwks"));
});

t.test("keys are not fetched over plain HTTP, nor from what is no web address", async (t) => {
  const { discover, answers, issuer } = await underTest(t);
  for (const jwks_uri of [
    "http://127.0.0.1:1/jwks",
    "file:///etc/passwd",
    "data:,{}",
    "/jwks",
    7,
    undefined,
  ]) {
    answers.set(discoveryPath, json({ issuer, jwks_uri }));
    await t.rejects(discover(), /jwks_uri/, String(jwks_uri));
  }
});

t.test("documents that are none are refused", async (t) => {
  const { discover, answers, issuer } = await underTest(t);
  for (const keys of [{}, [], null, { keys: {} }, { keys: [7] }, "keys"]) {
    answers.set("/jwks", json(keys));
    await t.rejects(discover(), /JSON Web Key Set/, JSON.stringify(keys));
  }
  answers.set("/jwks", (_request, response) => response.end("<html>s3cret</html>"));
  await t.rejects(discover(), { message: `${issuer}/jwks did not answer with JSON` });
  answers.set(discoveryPath, json(null));
  await t.rejects(discover(), /not a discovery document/);
  answers.delete(discoveryPath);
  await t.rejects(discover(), /status 404/);
});

t.test("a redirect is not followed", async (t) => {
  const { discover, answers, issuer } = await underTest(t);
  const elsewhere = await underTest(t);
  for (const location of [`${elsewhere.issuer}/jwks`, `${issuer}/other`]) {
    answers.set("/jwks", (_request, response) => response.writeHead(302, { location }).end());
    await t.rejects(discover(), /status 302/);
  }
  t.strictSame(elsewhere.asked, []);
});

t.test("a document of more than a megabyte is given up, also one that is small while packed", async (t) => {
  const { discover, answers } = await underTest(t);
  const large = JSON.stringify({ keys: [], padding: "x".repeat(MAX_DOCUMENT_BYTES) });
  answers.set("/jwks", (_request, response) => response.end(large));
  await t.rejects(discover(), /more than 1048576 bytes/);
  answers.set("/jwks", (_request, response) => {
    response.setHeader("content-encoding", "gzip");
    response.end(gzipSync(large));
  });
  await t.rejects(discover(), /more than 1048576 bytes/);
  answers.set("/jwks", (_request, response) => {
    const more = () => {
      while (!response.destroyed && response.write("x".repeat(65_536)));
      response.once("drain", more);
    };
    more();
  });
  await t.rejects(discover(), /more than 1048576 bytes/, "one that has no end");
});

t.test("a provider that answers half, or not at all, is given up when told to", async (t) => {
  const { discover, answers } = await underTest(t);
  const controller = new AbortController();
  answers.set("/jwks", (_request, response) => {
    response.write('{"keys":');
    controller.abort(new Error("given up"));
  });
  await t.rejects(discover({}, controller.signal), /did not answer \(given up\)/);
  const silent = new AbortController();
  answers.set(discoveryPath, () => silent.abort(new Error("given up")));
  await t.rejects(discover({}, silent.signal), /did not answer \(given up\)/);
});

t.test("a connection that is cut in the middle of a document is an error", async (t) => {
  const { discover, answers } = await underTest(t);
  answers.set("/jwks", (_request, response) => {
    response.writeHead(200, { "content-length": "1000" });
    response.write('{"keys":[]}', () => response.destroy());
  });
  await t.rejects(discover(), /did not answer/);
});

t.test("a provider whose certificate proves nothing is not believed", async (t) => {
  const { discover, asked } = await underTest(t);
  await t.rejects(
    discover({ ca: join(t.testdir({ "other.crt": (await mintTls()).ca }), "other.crt") }),
    /did not/,
  );
  await t.rejects(
    discoverKeys({ ...configured((await underTest(t)).issuer) }, { signal: new AbortController().signal }),
    /did not answer/,
    "a private authority is not among the public ones",
  );
  t.strictSame(asked, []);
});

t.test(
  "a CA bundle that is missing is an error that names it, and one that is mended is read again",
  async (t) => {
    const { discover } = await underTest(t);
    const path = join(t.testdir({}), "ca.crt");
    await t.rejects(discover({ ca: path }), new RegExp(`CA bundle ${path} could not be read \\(ENOENT\\)`));
    await (await import("node:fs/promises")).writeFile(path, tls.ca);
    t.match((await discover({ ca: path })).find.jwks(), { keys: [{ kid: "k1" }] });
  },
);

t.test("a provider that is not there is told by its error code", async (t) => {
  const server = createServer();
  const port = await new Promise<number>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve(portOf(server.address()))),
  );
  await new Promise<void>((resolve) => server.close(() => resolve()));
  const provider = configured(`https://127.0.0.1:${port}`);
  await t.rejects(discoverKeys(provider, { signal: new AbortController().signal }), /ECONNREFUSED/);
});

function portOf(address: AddressInfo | string | null): number {
  return typeof address === "object" && address !== null ? address.port : 0;
}
