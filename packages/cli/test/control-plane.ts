import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startControlPlane } from "@gatehouse/api";
import { createAuthority, watchCertificate, writePair } from "@gatehouse/certs";
import { type Credential, GatehouseError, type Identity } from "@gatehouse/core";
import type { SshWay } from "@gatehouse/gateway";
import {
  type Certificate,
  generatePrivateKey,
  issueCertificate,
  parsePublicKeyLine,
} from "@gatehouse/openssh";
import { createMemoryLog, FakeDesk, FakeGrantDesk } from "@gatehouse/testkit";
import type { Test } from "tap";

/** A control plane with a desk at which nobody waits. */
export interface TestControlPlane {
  readonly desk: FakeDesk;
  readonly grants: FakeGrantDesk;
  /** What it says of itself to whoever comes by SSH, to be changed. */
  readonly way: { -readonly [Key in keyof SshWay]: SshWay[Key] };
  /** What it has certified. */
  readonly certified: readonly Certificate[];
  readonly folder: string;
  /** What the command needs to ask it as `ann`. */
  readonly env: Readonly<Record<string, string>>;
  /** Ends it, and starts it again at the same port. */
  readonly restart: () => Promise<void>;
}

/** Tokens are names: `ann` is somebody, and so is whoever else may be asked for; but not `nobody`. */
function authenticate(credential: Credential): Promise<Identity> {
  const token = "token" in credential ? credential.token : "nobody";
  if (token === "nobody") return Promise.reject(new GatehouseError("IDENTITY_EXPIRED", "It has expired."));
  return Promise.resolve({
    subject: token,
    kind: "human",
    groups: ["crew-approver"],
    proof: { method: "oidc", provider: "corp", issuer: "https://id.example" },
    expiresAt: Date.now() + 3_600_000,
  });
}

export async function controlPlane(t: Test): Promise<TestControlPlane> {
  const folder = t.testdir();
  const now = Date.now();
  const authority = await createAuthority({ name: "test", now });
  const names = ["localhost", "127.0.0.1"];
  await writePair(
    folder,
    "gateway",
    await authority.issue({ use: "server", commonName: "gateway", names, now }),
  );
  await writeFile(join(folder, "ca.crt"), authority.certificatePem);
  const log = createMemoryLog();
  const tls = { cert: join(folder, "gateway.crt"), key: join(folder, "gateway.key") };
  const certificate = await watchCertificate({ ...tls, log });
  t.teardown(() => certificate.close());
  const desk = new FakeDesk();
  const grants = new FakeGrantDesk(desk);
  const users = generatePrivateKey("ssh-ed25519");
  const certified: Certificate[] = [];
  const way: TestControlPlane["way"] = {
    authority: users.publicKey.toString(),
    hostKeys: [],
    port: undefined,
  };
  const start = async (port: number) => {
    const control = await startControlPlane({
      gateway: {
        configuration: {
          config: {
            control: { address: { host: "127.0.0.1", port }, tls },
            limits: { keepalive: 30_000 },
          },
        },
        readiness: () => [],
        certificate: () => Promise.resolve(certificate),
        approvals: desk,
        grants,
        authenticate,
        ssh: {
          way: () => Promise.resolve(way),
          certify({ subject }, { publicKey, lifetime = 3_600_000 }) {
            const { key } = parsePublicKeyLine(publicKey);
            const names = { keyId: subject, principals: [subject], serial: BigInt(certified.length + 1) };
            const time = { validAfter: Date.now() - 60_000, validBefore: Date.now() + lifetime };
            const terms = { type: "user", publicKey: key, ...names, ...time } as const;
            const certificate = issueCertificate(users, terms, randomBytes);
            certified.push(certificate);
            return Promise.resolve(certificate);
          },
        },
      },
      log,
    });
    if (!control) throw new Error("There is a control listener.");
    return control;
  };
  let running = await start(0);
  t.teardown(() => running.close());
  const { port } = running.address;
  return {
    desk,
    grants,
    way,
    certified,
    folder,
    env: {
      GATEHOUSE_URL: `https://127.0.0.1:${port}`,
      GATEHOUSE_CA: join(folder, "ca.crt"),
      GATEHOUSE_TOKEN: "ann",
    },
    restart: async () => {
      await running.close();
      running = await start(port);
    },
  };
}
