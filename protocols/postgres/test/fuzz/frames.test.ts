import { collector, startPostgres } from "@gatehouse/testkit";
import t from "tap";
import { GROWTH, sendFrames } from "../../fuzz/frames.ts";

/** A million of them: `npm run fuzz -- postgres --frames 1000000`. */
const FRAMES = 50_000;

const server = await startPostgres();
t.teardown(() => server.stop());

t.test("random frames crash nothing, hang nothing and leave nothing behind", async (t) => {
  const { sent, before, after } = await sendFrames(server, FRAMES, 1, collector());
  t.equal(sent, FRAMES);
  t.ok(after - before < GROWTH, `${before} bytes kept after a quarter, ${after} at the end`);
});
