import { once } from "node:events";
import { Socket } from "node:net";
import t from "tap";
import { Deadline } from "../../src/connection/deadline.ts";

// Node runs timers in the order in which they are due, however late it is: what is asserted is that order, and no time.

/** What came in order: the connection's end by its deadline, and timers that saw it open or ended. */
async function order(
  act: (deadline: Deadline, after: (milliseconds: number, run: () => void) => void) => void,
) {
  const socket = new Socket();
  const came: string[] = [];
  socket.once("close", () => came.push("over"));
  const deadline = new Deadline(socket);
  act(deadline, (milliseconds, run) => {
    setTimeout(() => {
      came.push(socket.destroyed ? "late" : "open");
      run();
    }, milliseconds);
  });
  await once(socket, "close");
  return came;
}

t.test("a limit holds from when it was said last", async (t) => {
  const came = await order((deadline, after) => {
    deadline.within(40);
    after(30, () => {
      deadline.within(40);
      after(30, () => undefined);
    });
  });
  t.same(came, ["open", "open", "over"]);
});

t.test("another limit holds in place of the one before", async (t) => {
  const longer = await order((deadline, after) => {
    deadline.within(20);
    deadline.within(60);
    after(40, () => undefined);
  });
  t.same(longer, ["open", "over"]);
  const shorter = await order((deadline) => {
    deadline.within(100_000);
    deadline.within(20);
  });
  t.same(shorter, ["over"], "shorter");
});

t.test("a limit that was lifted ends nothing, and the next one holds", async (t) => {
  const came = await order((deadline, after) => {
    deadline.within(20);
    deadline.lift();
    after(40, () => deadline.within(20));
  });
  t.same(came, ["open", "over"]);
});
