import type { Programme } from "../programme.ts";
import { startBench } from "./bench.ts";
import type { SshPeer, SshWork, Stage } from "./stage.ts";
import { connects } from "./works/connects.ts";
import { keystrokes } from "./works/keystrokes.ts";
import { memory } from "./works/memory.ts";
import { sftp } from "./works/sftp.ts";
import { streams } from "./works/streams.ts";

/** What SSH through the gateway takes, beside what it takes through a bastion. */
export function overSsh(quick: boolean): Programme<Stage, SshPeer, SshWork> {
  const bytes = quick ? 50_000_000 : 500_000_000;
  const works = [
    ...streams(),
    ...sftp(),
    ...[connects(1), connects(8)],
    ...[keystrokes({ masked: false }), keystrokes({ masked: true })],
    memory(quick ? 20 : 200),
  ];
  return { works, notes: NOTES, start: (profiles, signal) => startBench(bytes, profiles, signal) };
}

const NOTES = `ratio: the gateway's figure against the bastion's, unless "wanted" says otherwise; the median of the rounds' ratios.
beyond bastion: how much more the gateway's figure is than the bastion's.
bastion: an sshd that clients log in to, whose ssh leads on to the target's sshd (\`ssh bastion ssh target\`).
direct: the target's sshd.
cpu: the gateway's processor time for each megabyte or connection, in microseconds; the bastion's is that of many processes.
All with the ciphers that OpenSSH's client asks for by itself. The gateway checks a key, ten rules and every command line, records what is
shown (the first 64 MB of a stream), and writes its audit log.
`;
