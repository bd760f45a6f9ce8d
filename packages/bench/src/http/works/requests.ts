import { z } from "zod";
import { run } from "../../processes.ts";
import type { Line } from "../../work.ts";
import type { HttpWork } from "../stage.ts";
import { SMALL } from "../targets.ts";

/** Above what it was told: for the last answers. */
const GRACE = 60_000;

/** What wrk's script prints: counts, and microseconds. */
const printed = z.object({
  requests: z.number().positive(),
  duration: z.number().positive(),
  /** Answers that are refusals, and connections that failed. */
  failed: z.literal(0, "some requests were refused or failed"),
  p50: z.number(),
  p99: z.number(),
});

/** One client's requests for a small answer, one after the other on a connection that stays; so many clients at once. */
export function requests({
  clients,
  masked,
}: {
  readonly clients: number;
  readonly masked: boolean;
}): HttpWork {
  const name = masked ? `get small, masked, ${clients}` : `get small ${clients}`;
  const latency = (percentile: string, wanted: Pick<Line, "wanted"> = {}): Line => ({
    ...{ name: `${name}, ${percentile}`, unit: "ms", against: "nginx" },
    ...wanted,
  });
  return {
    name,
    lines: [
      { name, unit: "requests/s", against: "nginx", wanted: { atLeast: masked ? 0.4 : 0.8 } },
      latency("p50"),
      latency("p99", masked ? {} : { wanted: { atMost: 2 } }),
    ],
    peers: masked ? ["nginx", "unmasked", "gateway"] : ["direct", "nginx", "node", "gateway"],
    set: "requests",
    async sample({ site }, peer, seconds) {
      const { programs, folder, signal, token } = site;
      const script = await site.put("wrk.lua", scriptOf(token));
      const url = peer.url({ target: "api", path: SMALL, masked: masked && peer.name === "gateway" });
      const args = ["-t", "1", "-c", String(clients), "-d", `${seconds}s`, "-s", script, url];
      const output = await run({ program: programs.wrk, args, cwd: folder, signal }, seconds * 1000 + GRACE);
      const { requests: count, duration, p50, p99 } = readOutput(output);
      return { figures: [(count * 1e6) / duration, p50 / 1000, p99 / 1000], count };
    },
  };
}

/** What stands in wrk's output behind its own words: the script's line. */
export function readOutput(output: string): z.infer<typeof printed> {
  const line = /^figures: (.*)$/m.exec(output)?.[1];
  if (line === undefined) throw new Error(`wrk printed no figures: ${output.slice(0, 200)}`);
  return printed.parse(JSON.parse(line));
}

function scriptOf(token: string): string {
  return `wrk.headers["Authorization"] = "Bearer ${token}"
function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  local form = 'figures: {"requests":%d,"duration":%d,"failed":%d,"p50":%d,"p99":%d}\\n'
  io.write(form:format(summary.requests, summary.duration, failed, latency:percentile(50), latency:percentile(99)))
end
`;
}
