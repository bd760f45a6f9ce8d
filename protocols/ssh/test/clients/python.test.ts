import { join, resolve } from "node:path";
import { writeFile } from "node:fs/promises";
import { startSshd } from "@gatehouse/testkit";
import t from "tap";
import { startFront } from "../support/front.ts";
import { run } from "../support/openssh.ts";

/*
 * What Python's world has for SSH: ssh-audit, which tells what a server offers and should not, and paramiko.
 * test/clients/install.sh puts both where these tests look.
 */

const root = join(import.meta.dirname, "..", "..", "..", "..");
const clients = resolve(process.env["CLIENTS"] ?? join(root, "node_modules", ".clients"));
const bin = (name: string) => join(clients, "python", "bin", name);

const sshd = await startSshd();
const [type = "", key = ""] = sshd.hostKey.split(" ");
const front = await startFront({
  target: { port: sshd.port, hostKeys: [`${type} ${key}`], user: sshd.user, key: sshd.key },
  allow: ({ text }) => !text.includes("refused"),
});
t.teardown(async () => {
  await front.close();
  await sshd.stop();
});

t.test("ssh-audit finds nothing that fails", async (t) => {
  const { out, err } = await run(bin("ssh-audit"), [
    "--json",
    "--skip-rate-test",
    "-p",
    `${front.port}`,
    "127.0.0.1",
  ]);
  const report: unknown = JSON.parse(out.toString() || `{"error": ${JSON.stringify(err)}}`);
  t.match(report, { kex: [{ algorithm: "mlkem768x25519-sha256" }], enc: [{}], mac: [{}], cves: [] });
  t.notMatch(JSON.stringify(report), /"fail"/);
});

const PARAMIKO = `
import paramiko, sys
client = paramiko.SSHClient()
client.load_host_keys(sys.argv[1])
client.connect("127.0.0.1", int(sys.argv[2]), "deploy@web", key_filename=sys.argv[3], look_for_keys=False, allow_agent=False)
for line in ("echo out", "echo refused"):
    _, out, err = client.exec_command(line)
    print(out.read().decode().strip(), out.channel.recv_exit_status(), "Reference" in err.read().decode())
with client.open_sftp() as files, files.open(sys.argv[4], "w") as file:
    file.write("by paramiko")
with client.open_sftp() as files, files.open(sys.argv[4]) as file:
    print(file.read().decode())
client.close()
`;

t.test("paramiko runs commands and moves files", async (t) => {
  const script = join(front.folder, "visit.py");
  await writeFile(script, PARAMIKO);
  const file = join(front.folder, "moved");
  const args = [script, front.knownHosts, `${front.port}`, front.keyFile, file];
  const { out, err } = await run(bin("python"), args);
  t.equal(out.toString(), "out 0 False\n 126 True\nby paramiko\n", err);
});
