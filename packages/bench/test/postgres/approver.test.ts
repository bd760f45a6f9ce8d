import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { createAuthority } from "@gatehouse/certs";
import t, { type Test } from "tap";
import { Approver, loopbackAddress } from "../../src/postgres/approver.ts";

/** A control plane that says to each answer what `answer` gives, and an approver for it. */
async function approverFor(t: Test, answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const now = Date.now();
  const authority = await createAuthority({ name: "test", now });
  const names = ["127.0.0.1"];
  const pair = await authority.issue({ use: "server", commonName: "control", names, now });
  const server = createServer({ cert: pair.certificatePem, key: pair.key.reveal() }, (request, response) => {
    if (request.method === "POST") answer(request, response);
    else response.end(JSON.stringify({ approvals: [] }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const approver = new Approver({ port, ca: authority.certificatePem, token: "token" });
  t.teardown(() => {
    approver.close();
    server.close();
  });
  return approver;
}

const at = "2026-11-20T10:15:30.250Z";

t.test("no address gives more answers than the gateway takes from one at once", async (t) => {
  const given = new Map<string, number>();
  const connections = new Set<string>();
  const approver = await approverFor(t, ({ socket }, response) => {
    const { remoteAddress = "", remotePort = 0 } = socket;
    given.set(remoteAddress, (given.get(remoteAddress) ?? 0) + 1);
    connections.add(`${remoteAddress}:${remotePort}`);
    response.end(JSON.stringify({ answers: [{ at }] }));
  });
  for (let answers = 0; answers < 130; answers++) {
    await approver.prepare();
    t.equal(await approver.approve("apr_1"), Date.parse(at));
  }
  t.same([...given.values()], [50, 50, 30]);
  t.equal(connections.size, 3, "each over one connection");
});

t.test("an answer that the gateway does not take ends the measuring, with its reason", async (t) => {
  const approver = await approverFor(t, (_, response) => {
    response.writeHead(409).end('{"error":{"code":"APPROVAL_ENDED"}}');
  });
  await approver.prepare();
  await t.rejects(approver.approve("apr_1"), /409 .*APPROVAL_ENDED/);
});

t.test("addresses are all different, and none is one that programs listen at", async (t) => {
  const addresses = Array.from({ length: 3000 }, (_, number) => loopbackAddress(number));
  t.equal(new Set(addresses).size, addresses.length);
  t.notOk(addresses.some((address) => address.startsWith("127.0.")));
  t.same(
    [loopbackAddress(1), loopbackAddress(257), loopbackAddress(65_536)],
    ["127.1.0.1", "127.1.1.1", "127.2.0.0"],
  );
});
