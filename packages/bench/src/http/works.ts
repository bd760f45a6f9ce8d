import type { Programme } from "../programme.ts";
import { startBench } from "./bench.ts";
import type { HttpPeer, HttpWork, Stage } from "./stage.ts";
import { bulk } from "./works/bulk.ts";
import { memory } from "./works/memory.ts";
import { requests } from "./works/requests.ts";
import { firstToken, tokens } from "./works/tokens.ts";

/** What HTTP through the gateway takes, beside what it takes through nginx. */
export function overHttp(quick: boolean): Programme<Stage, HttpPeer, HttpWork> {
  const works = [
    ...[requests({ clients: 32, masked: false }), requests({ clients: 32, masked: true })],
    ...bulk(),
    ...(quick ? [tokens(50)] : [tokens(50), tokens(500)]),
    firstToken(),
    memory(quick ? 200 : 2000),
  ];
  return { works, notes: NOTES, start: (profiles, signal) => startBench(100_000_000, profiles, signal) };
}

const NOTES = `ratio: the gateway's figure against nginx's, unless "wanted" says otherwise; the median of the rounds' ratios.
beyond direct, beyond unmasked: how much more the gateway's figure is than the target's own, or than the same gateway's at a level where no
rule masks.
direct: the targets. nginx (one worker) answers with small JSON and large files, Node with streams.
nginx: a proxy of one worker that puts a credential in; it keeps its connections to the targets, and streams both ways.
node: the same as a few lines of node:https and undici.
tokens: a delay is from the target's sending a token to its client's reading it; what the target is late by is not in it.
cpu: the process's processor time for each request, megabyte or token, in microseconds.
All with TLS on both sides. The gateway checks a token, ten rules and every request, and writes its audit log; the others check nothing.
`;
