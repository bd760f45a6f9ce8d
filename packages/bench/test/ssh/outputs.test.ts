import t from "tap";
import { words } from "../../src/ssh/peers/client.ts";
import { rate } from "../../src/ssh/works/streams.ts";

t.test("megabytes a second come of two times in nanoseconds, between whatever else is printed", async (t) => {
  const printed = "sftp> get a b\n1795323874000000000\n12345\n1795323876000000000\n";
  t.same(rate(printed, 500_000_000), { figures: [250], count: 500 });
});

t.test("a run that has not two times has no result", async (t) => {
  const [earlier, later] = ["1795323874000000000", "1795323876000000000"];
  for (const times of [[], [earlier], [later, earlier], [earlier, later, later]]) {
    t.throws(() => rate(times.join("\n"), 1), /No two times/);
  }
});

t.test("words are what a shell takes them for, whatever stands in them", async (t) => {
  t.equal(words(["exec", "ssh", "echo it's $HOME"]), `'exec' 'ssh' 'echo it'\\''s $HOME'`);
});
