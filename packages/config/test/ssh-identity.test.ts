import { generatePrivateKey, writePrivateKey } from "@gatehouse/openssh";
import t from "tap";
import { checkSecrets } from "../src/index.ts";
import { loadGood, problemsOf, shortest } from "./made-up.ts";

const [dana, crew] = [generatePrivateKey("ssh-ed25519"), generatePrivateKey("ecdsa-sha2-nistp256")];
const [danas, crews] = [dana.publicKey.toString(), crew.publicKey.toString()];

/** The shortest good file with `identity.ssh` in it. */
function withSsh(ssh: string): string {
  return shortest.replace("targets:", `  ssh: ${ssh}\ntargets:`);
}

t.test("without a word of it, no key is anybody's", async (t) => {
  const { identity } = await loadGood(t, shortest);
  t.strictSame(identity.ssh, { keys: [] });
});

t.test("a key is tied to an identity, which is the one that its provider's tokens prove", async (t) => {
  const { identity } = await loadGood(
    t,
    withSsh(`
    ttl: 8h
    keys:
      - { subject: dana, provider: corp, groups: [dba], keys: ["${danas} dana@laptop"] }
      - { subject: crew-ops, provider: corp, kind: workload, keys: ["${crews}"] }`),
  );
  const issuer = "https://idp.example.com";
  t.match(identity.ssh, {
    ttl: 8 * 3_600_000,
    keys: [
      {
        ...{ subject: "dana", kind: "human", groups: ["dba"], provider: "corp", issuer },
        ...{ blob: dana.publicKey.blob, fingerprint: dana.publicKey.fingerprint },
      },
      {
        subject: "crew-ops",
        kind: "workload",
        groups: [],
        provider: "corp",
        issuer,
        blob: crew.publicKey.blob,
      },
    ],
  });
});

t.test("a key that stands twice is an error, whatever its comment and whoever's it is", async (t) => {
  const text = withSsh(`
    keys:
      - { subject: dana, provider: corp, keys: ["${danas}"] }
      - { subject: mallory, provider: corp, keys: ["${danas}   other"] }`);
  t.match(await problemsOf(t, text), [/this key stands here twice/]);
});

t.test("a holder's provider is one of the file's", async (t) => {
  const text = withSsh(`{ keys: [{ subject: dana, provider: crop, keys: ["${danas}"] }] }`);
  t.match(await problemsOf(t, text), [/no provider under `identity.oidc` has this name/]);
});

t.test("what is no public key is not repeated: it may be a private one", async (t) => {
  const file = writePrivateKey(dana, "dana").reveal();
  for (const line of ["hunter2", `no-pty ${danas}`, danas.slice(0, -8), file]) {
    const problems = await problemsOf(
      t,
      withSsh(`{ keys: [{ subject: dana, provider: corp, keys: [${JSON.stringify(line)}] }] }`),
    );
    t.match(problems, [/expected a public key, as a \.pub file has it/]);
    t.notMatch(problems.join("\n"), line.slice(40, 80) || line);
    t.notMatch(problems.join("\n"), "hunter2");
  }
});

for (const [what, ssh, message] of [
  ["a certificate that lasts for days", "{ ttl: 2d }", /a time from 1m to 1d/],
  ["an authority in the file itself", "{ authority: PRIVATE }", /expected a reference to a secret/],
  ["an authority in an engine that there is not", "{ authority: 'vault:kv/data/ssh#key' }", /secrets engine/],
  ["a holder without keys", "{ keys: [{ subject: dana, provider: corp, keys: [] }] }", /at least one key/],
] as const)
  t.test(`refused: ${what}`, async (t) => {
    t.match(await problemsOf(t, withSsh(ssh)), [message]);
  });

t.test("a provider may have a client by which people sign in", async (t) => {
  const text = shortest.replace(
    "audience: gatehouse",
    "audience: gatehouse\n      device: { clientId: gatehouse-ssh }",
  );
  const { identity } = await loadGood(t, text);
  t.strictSame(identity.oidc[0]?.device, { clientId: "gatehouse-ssh", scopes: ["openid"] });
});

t.test("an authority that is no private key is found before it is needed", async (t) => {
  process.env["GATEHOUSE_TEST_SSH"] = "no key";
  const config = await loadGood(t, withSsh("{ authority: env:GATEHOUSE_TEST_SSH }"));
  const ours = (await checkSecrets(config)).filter(({ of }) => of === "identity ssh");
  t.match(ours, [{ message: /key was refused/ }]);
  process.env["GATEHOUSE_TEST_SSH"] = writePrivateKey(dana, "authority").reveal();
  t.strictSame(
    (await checkSecrets(config)).filter(({ of }) => of === "identity ssh"),
    [],
  );
});
