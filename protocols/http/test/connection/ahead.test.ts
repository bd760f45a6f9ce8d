import t from "tap";
import { Ahead } from "../../src/connection/ahead.ts";

const never = new AbortController().signal;

/** Takes room, and tells whether it is there yet. */
function taking(ahead: Ahead, bytes: number, gone: AbortSignal = never) {
  const state: { giveBack?: (needed?: number) => void } = {};
  const done = ahead.take(bytes, gone).then((giveBack) => {
    state.giveBack = giveBack;
  });
  return { state, done };
}

t.test("who finds no room waits until there is enough, in order", async (t) => {
  const ahead = new Ahead(10);
  const first = taking(ahead, 6);
  const second = taking(ahead, 6);
  // It would fit, but the one before it would never be its turn.
  const third = taking(ahead, 2);
  await first.done;
  t.equal(second.state.giveBack, undefined);
  t.equal(third.state.giveBack, undefined);
  first.state.giveBack?.();
  await Promise.all([second.done, third.done]);
  const fourth = taking(ahead, 3);
  // Once is all that it is given back.
  first.state.giveBack?.();
  second.state.giveBack?.();
  await fourth.done;
  const fifth = taking(ahead, 6);
  await new Promise(setImmediate);
  t.equal(fifth.state.giveBack, undefined);
  third.state.giveBack?.();
  await fifth.done;
});

t.test("what is not needed any more is given back before the rest", async (t) => {
  const ahead = new Ahead(10);
  const giveBack = await ahead.take(10, never);
  const second = taking(ahead, 6);
  giveBack(5);
  // More than is there can't be taken in this way.
  giveBack(9);
  await new Promise(setImmediate);
  t.equal(second.state.giveBack, undefined);
  giveBack(4);
  await second.done;
  giveBack();
  await taking(ahead, 4).done;
});

t.test("who goes while it waits takes nothing, and stands in nobody's way", async (t) => {
  const ahead = new Ahead(10);
  const first = taking(ahead, 8);
  await first.done;
  const leaving = new AbortController();
  const second = taking(ahead, 9, leaving.signal);
  const third = taking(ahead, 2);
  await new Promise(setImmediate);
  t.equal(third.state.giveBack, undefined);
  leaving.abort();
  await Promise.all([second.done, third.done]);
  second.state.giveBack?.();
  t.equal(taking(ahead, 1).state.giveBack, undefined);
  first.state.giveBack?.();
  third.state.giveBack?.();
  await taking(ahead, 9, AbortSignal.abort()).done;
});
