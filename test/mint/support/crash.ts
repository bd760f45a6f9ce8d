import type pg from "pg";
import type { Test } from "tap";
import type { GatewayProcess } from "../../holds/gateway-process.ts";
import type { Moment, Stopped } from "./proxy.ts";
import type { GatewayConfig, MintSite, Who } from "./site.ts";
import type { MintState } from "./state.ts";

/* Something happens at the first statement of the administrator, then at the second, until a life has no more of them. */

/** What goes on while it happens. */
export interface Life {
  readonly name: string;
  /** Users that are ready at its beginning, and at its end. */
  readonly ready: number;
  readonly live: (scene: Scene) => Promise<void>;
}

export interface Scene {
  readonly site: MintSite;
  readonly gateway: GatewayProcess;
  /** Aborts when the life has come to an early end. */
  readonly over: AbortSignal;
  /** A session through the gateway; it is closed when it has to end early, too. */
  readonly connect: (level: string, as?: Who) => Promise<pg.Client>;
}

/** A user that was made for the session: asked, so that the session has really begun. */
export async function userOf(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ name: string }>("select session_user as name");
  return rows[0]?.name ?? "";
}

/** Nothing of sessions is left, and so many users are ready for the next ones. */
export function settled(ready: number): (state: MintState) => boolean {
  return ({ taken, canLogIn, users }) =>
    taken.length === 0 && canLogIn.length === 0 && users.length === ready;
}

/** One session, from its log-in to where nothing of it is left. */
export function oneSession(name: string, level: string, ready: number): Life {
  return {
    name,
    ready,
    async live({ site, over, connect }) {
      const client = await connect(level);
      await userOf(client);
      await client.end();
      await site.until("its user is gone", settled(ready), over);
    },
  };
}

/** Two sessions of one identity, which have one user together. */
export const sharedSessions: Life = {
  name: "two sessions that share a user",
  ready: 0,
  async live({ site, over, connect }) {
    const [one, two] = await Promise.all([connect("shared"), connect("shared")]);
    await userOf(one);
    await userOf(two);
    await one.end();
    await userOf(two);
    await two.end();
    await site.until("their user is gone", settled(0), over);
  },
};

/** kill -9 of the gateway at each statement of a life. Behind each death another run of it takes back what there is. */
export async function killAtEach(t: Test, site: MintSite, config: GatewayConfig, life: Life, moment: Moment) {
  let kills = 0;
  for (;;) {
    const gateway = await config.start(t);
    await site.until("all is as before", settled(life.ready));
    await site.clean();
    const died = await reaches(t, { site, gateway, life, statement: kills + 1, moment }, async (stopped) => {
      await gateway.kill();
      stopped.cut();
    });
    if (!died) {
      await site.clean();
      await gateway.ask({ do: "stop" });
      // Where time goes by faster, a gateway that stops has little of it: what it leaves is the next one's to take back.
      const next = await config.start(t);
      await site.until("those of the one that has stopped are gone", settled(life.ready));
      await site.clean();
      await next.kill();
      break;
    }
    kills++;
  }
  t.comment(`figures: ${life.name}: kills ${moment} a statement ${kills}`);
  t.ok(kills > 0, "there are statements to die at");
}

/** Something else at each statement of a life, which the gateway lives through. */
export async function disturbAtEach(
  t: Test,
  site: MintSite,
  config: GatewayConfig,
  life: Life,
  { moment, disturb }: { readonly moment: Moment; readonly disturb: (stopped: Stopped) => Promise<void> },
) {
  const gateway = await config.start(t);
  let times = 0;
  for (;;) {
    await site.until("all is as before", settled(life.ready));
    await site.clean();
    if (!(await reaches(t, { site, gateway, life, statement: times + 1, moment }, disturb))) break;
    times++;
  }
  await gateway.ask({ do: "stop" });
  // As above.
  const next = await config.start(t);
  await site.until("those of the one that has stopped are gone", settled(life.ready));
  await site.clean();
  await next.kill();
  t.comment(`figures: ${life.name}: ${moment} a statement ${times}`);
  t.ok(times > 0, "there are statements to stop at");
}

/** @returns whether the life has that many statements */
async function reaches(
  t: Test,
  at: {
    readonly site: MintSite;
    readonly gateway: GatewayProcess;
    readonly life: Life;
    readonly statement: number;
    readonly moment: Moment;
  },
  then: (stopped: Stopped) => Promise<void>,
): Promise<boolean> {
  const { site, gateway, life } = at;
  const stop = site.proxy.stopAt(at.statement, at.moment);
  const clients: pg.Client[] = [];
  const over = new AbortController();
  const scene: Scene = {
    site,
    gateway,
    over: over.signal,
    async connect(level, as) {
      const client = await site.connect(t, gateway, level, as);
      clients.push(client);
      return client;
    },
  };
  const living = life.live(scene).then(() => "lived" as const);
  // A session that is refused, or ends, is what is to be expected where the gateway dies under it.
  living.catch(() => undefined);
  try {
    const first = await Promise.race([stop.reached, living]);
    if (first === "lived") return false;
    await then(first);
    return true;
  } finally {
    over.abort();
    stop.forget();
    for (const client of clients) client.end().catch(() => undefined);
  }
}
