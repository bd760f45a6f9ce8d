import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createAuthority, writePair } from "@gatehouse/certs";
import { startOidcProvider } from "@gatehouse/testkit";
import type { Test } from "tap";

type Known = Pick<Parameters<typeof startOidcProvider>[0], "clients" | "people">;

interface HttpSiteOptions extends Known {
  readonly policy: string;
  /** The targets' credential, in the file `api-key`. */
  readonly secret: string;
}

/** What a gateway with nothing but a listener for HTTP needs around it: its folder, and who issues the tokens. */
export async function httpSite(t: Test, { policy, secret, ...known }: HttpSiteOptions) {
  const folder = t.testdir({ policies: {} });
  const now = Date.now();
  const authority = await createAuthority({ name: "http", now });
  const issue = (commonName: string) =>
    authority.issue({ use: "server", commonName, names: ["localhost", "127.0.0.1"], now });
  await writeFile(join(folder, "ca.crt"), authority.certificatePem);
  await writePair(join(folder, "certs"), "gateway", await issue("gateway"));
  const { certificatePem, key } = await issue("provider");
  const provider = await startOidcProvider({
    tls: { cert: certificatePem, key: key.reveal() },
    audience: "gatehouse",
    ...known,
    tokenLifetime: 600_000,
  });
  t.teardown(() => provider.stop());
  await writeFile(join(folder, "api-key"), secret, { mode: 0o600 });
  const policyFile = join(folder, "policies", "api.yaml");
  await writeFile(policyFile, policy);
  return {
    ...{ folder, ca: authority.certificatePem, provider, policyFile },
    configFile: join(folder, "gatehouse.yaml"),
    /** @param targets as they stand in a config */
    configOf: (targets: string) => `state: file:state
tls: { cert: file:certs/gateway.crt, key: file:certs/gateway.key }
listeners:
  http: { address: 127.0.0.1:0 }
identity:
  oidc:
    - { name: corp, issuer: "${provider.issuer}", audience: gatehouse, ca: file:ca.crt }
targets:
${targets}policies: [file:policies/*.yaml]
drain: 1s
`,
  };
}
