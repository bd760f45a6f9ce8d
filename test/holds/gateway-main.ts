// A gateway as a process of its own: `node gateway-main.ts CONFIG OPTIONS`. It says its port, takes orders, and is killed.
import { flushCompileCache } from "node:module";
import { type Kill, killAt } from "./kill-at-write.ts";
import { GatehouseError, messageOf } from "@gatehouse/core";
import { createLogger, Gateway } from "@gatehouse/gateway";
import type { Event, Order, ProcessOptions, Reply } from "./gateway-process.ts";

const SECOND = 1000;
// A file that may not grow is to be an error for who writes, as on a disk that is full.
process.on("SIGXFSZ", () => undefined);
const [configFile = "", options = "{}"] = process.argv.slice(2);
const { rate = 1, kill } = JSON.parse(options) as ProcessOptions;
if (kill) killAt(kill);

/**
 * Time goes by faster, by its clock and by its timers: what a rule lets wait for at least ten seconds ends sooner. What
 * has a second or less is given that: the machine is no faster than elsewhere.
 */
const began = Date.now();
const clock = { now: () => Math.floor(began + (Date.now() - began) * rate) };
const later = globalThis.setTimeout;
globalThis.setTimeout = ((run: (...values: unknown[]) => void, delay = 0, ...values: unknown[]) =>
  later(run, delay > SECOND ? delay / rate : delay, ...values)) as typeof later;

const tell = (event: Event | Reply) => process.send?.(event);
const gateway = await Gateway.start({ configFile, log: createLogger(process.stderr, "fatal"), clock });
const proved = new Map<string, ReturnType<Gateway["authenticate"]>>();

function identity(token: string): ReturnType<Gateway["authenticate"]> {
  const known = proved.get(token) ?? gateway.authenticate({ token });
  proved.set(token, known);
  return known;
}

async function obey(order: Order): Promise<unknown> {
  switch (order.do) {
    case "kill":
      killAt(order satisfies Kill);
      return undefined;
    case "watch":
      gateway.approvals.watch(await identity(order.token), undefined, ({ event, view: { approval } }) =>
        tell({ event, id: approval.id, text: approval.command.text }),
      );
      return undefined;
    case "answer": {
      const given = { answer: order.answer, reason: "It is right." };
      return (await gateway.approvals.answer(await identity(order.token), order.id, given)).approval;
    }
    case "list": {
      const { token, ...query } = order;
      const { states, before, limit } = query;
      const page = gateway.approvals.list(await identity(token), {
        ...(states ? { states } : {}),
        ...(before === undefined ? {} : { before }),
        limit,
      });
      return page.approvals.map(({ approval }) => approval);
    }
    case "reload":
      return gateway.reload();
    case "sessions":
      return gateway.openSessions;
    case "stop":
      await gateway.stop("the test ended");
      return undefined;
  }
}

process.on("message", (order: Order & { readonly number: number }) => {
  const { number } = order;
  obey(order).then(
    (value) => {
      tell({ number, value });
      // Nothing keeps the process alive now, unless something was left.
      if (order.do === "stop") process.disconnect();
    },
    (error: unknown) => {
      const code = error instanceof GatehouseError ? error.code : messageOf(error);
      tell({ number, error: code });
    },
  );
});
// It may not come to an end at which this is done by itself.
flushCompileCache();
process.stdout.write(`${gateway.port("postgres") ?? 0}\n`);
