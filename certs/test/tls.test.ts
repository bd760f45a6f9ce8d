import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import t from "tap";
import { distinguishedName, signCertificate, subjectOf } from "../src/certificate.ts";
import { leafExtensions } from "../src/extensions.ts";
import { type Authority, createAuthority, type IssuedPair } from "../src/index.ts";
import { handshake } from "./handshake.ts";

const NOW = Date.now();

const authority = await createAuthority({ name: "Test CA", now: NOW });
const server = await issue(authority, "server", ["db.example.com", "127.0.0.1"]);
const client = await issue(authority, "client", []);
const ca = authority.certificatePem;

function issue(from: Authority, use: "server" | "client", names: string[]): Promise<IssuedPair> {
  return from.issue({ use, commonName: use, names, now: NOW });
}

const tlsPair = (pair: IssuedPair) => ({ cert: pair.certificatePem, key: pair.key.reveal() });

t.test("a client that trusts the authority accepts the server by name and by address", async (t) => {
  for (const servername of ["db.example.com", ""]) {
    t.same(await handshake(tlsPair(server), { ca, servername }), { client: "accepted", server: "accepted" });
  }
});

t.test("a client refuses a server by another name", async (t) => {
  const { client } = await handshake(tlsPair(server), { ca, servername: "web.example.com" });
  t.equal(client, "ERR_TLS_CERT_ALTNAME_INVALID");
});

t.test("a client refuses a server of another authority, even one of the same name", async (t) => {
  const other = await createAuthority({ name: "Test CA", now: NOW });
  const { client } = await handshake(tlsPair(server), {
    ca: other.certificatePem,
    servername: "db.example.com",
  });
  t.equal(client, "UNABLE_TO_VERIFY_LEAF_SIGNATURE");
});

t.test("a client refuses a client's certificate on a server", async (t) => {
  const named = await issue(authority, "client", ["db.example.com"]);
  const { client } = await handshake(tlsPair(named), { ca, servername: "db.example.com" });
  t.equal(client, "INVALID_PURPOSE");
});

t.test("a client refuses a leaf that was issued by a leaf", async (t) => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const issuer = new X509Certificate(server.certificatePem);
  const forged = signCertificate(
    {
      issuer: subjectOf(issuer),
      subject: distinguishedName("forged"),
      notBefore: NOW - 1000,
      notAfter: NOW + 1_000_000,
      publicKey,
      extensions: leafExtensions({
        use: "server",
        names: [{ type: "dns", name: "bank.example.com" }],
        publicKey,
        authority: issuer,
      }),
    },
    createPrivateKey(server.key.reveal()),
  );
  const { client } = await handshake(
    {
      cert: forged + server.certificatePem,
      key: privateKey.export({ type: "pkcs8", format: "pem" }),
    },
    { ca, servername: "bank.example.com" },
  );
  // Node has no name of its own for the missing right to sign certificates.
  t.equal(client, "UNSPECIFIED");
});

t.test("a server that asks for client certificates accepts one of its authority", async (t) => {
  const asking = { ...tlsPair(server), ca, requestCert: true, rejectUnauthorized: true };
  t.same(await handshake(asking, { ca, servername: "db.example.com", ...tlsPair(client) }), {
    client: "accepted",
    server: "accepted",
  });
});

t.test("a server refuses another authority's client, and a server's certificate as a client's", async (t) => {
  const asking = { ...tlsPair(server), ca, requestCert: true, rejectUnauthorized: true };
  const stranger = await issue(await createAuthority({ name: "Other CA", now: NOW }), "client", []);
  for (const pair of [stranger, server]) {
    const outcome = await handshake(asking, { ca, servername: "db.example.com", ...tlsPair(pair) });
    t.not(outcome.server, "accepted");
    t.not(outcome.client, "accepted");
  }
});
