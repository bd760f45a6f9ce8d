import { setTimeout as pause } from "node:timers/promises";
import { type Event, type GatewayProcess, Refused } from "./gateway-process.ts";
import type { Random } from "./random.ts";
import type { Site } from "./site.ts";

type Person = keyof Site["approvers"];
type Said = "approve" | "deny";

/** Milliseconds, for whatever is said at some time or other. */
const SOON = 60;

/** What may come to nothing, when people answer at the same time as others, twice, late, or what they have asked for. */
const EXPECTED: ReadonlySet<string> = new Set(["APPROVAL_ENDED", "APPROVAL_ANSWERED", "APPROVAL_OWN"]);

/** People who answer what is asked for: each as they like, at the same time, twice, too late, or not at all. */
export class Approvers {
  /** How often each kind of answer was given, `taken` or by the code of the error. */
  readonly came = new Map<string, number>();
  readonly #gateway: GatewayProcess;
  readonly #site: Site;
  readonly #random: Random;
  readonly #saying = new Set<Promise<void>>();

  constructor(gateway: GatewayProcess, site: Site, random: Random) {
    this.#gateway = gateway;
    this.#site = site;
    this.#random = random;
    gateway.listen((event) => {
      const saying = this.#hear(event, this.#random.fork()).finally(() => this.#saying.delete(saying));
      this.#saying.add(saying);
    });
  }

  /** What must not have come of an answer. */
  get surprises(): readonly string[] {
    return [...this.came.keys()].filter((code) => code !== "taken" && !EXPECTED.has(code));
  }

  async done(): Promise<void> {
    await Promise.all(this.#saying);
  }

  async #hear({ event, id }: Event, random: Random): Promise<void> {
    if (event === "requested") return this.#answer(id, random);
    if (event === "answered" || !random.chance(0.1)) return;
    await this.#say(id, random.one({ human: 1, agent: 1 }), random.one({ approve: 1, deny: 1 }));
  }

  async #answer(id: string, random: Random): Promise<void> {
    const people = random.chance(0.5) ? (["human", "agent"] as const) : (["agent", "human"] as const);
    const [one, other] = people;
    if (random.chance(0.7)) await pause(random.below(SOON));
    const say = (who: Person, answer: Said) => this.#say(id, who, answer);
    switch (random.one({ yes: 64, no: 10, twice: 6, both: 6, own: 5, nobody: 9 })) {
      case "yes":
        await say(one, "approve");
        // Where one yes suffices this one is too late; where two are needed it is the second.
        await say(other, "approve");
        return;
      case "no":
        await say(one, "deny");
        return;
      case "twice":
        await Promise.all([say(one, "approve"), say(one, "approve")]);
        await say(other, "approve");
        return;
      case "both":
        await Promise.all([say(one, "approve"), say(other, "deny")]);
        return;
      case "own":
        await say("requester", "approve");
        await say("requester", "deny");
        await Promise.all([say(one, "approve"), say(other, "approve")]);
        return;
      case "nobody":
    }
  }

  async #say(id: string, who: Person, answer: Said): Promise<void> {
    let came = "taken";
    try {
      await this.#gateway.ask({ do: "answer", token: this.#site.approvers[who], id, answer });
      if (who === "requester") came = "the requester's own answer is taken";
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      came = error.message;
    }
    this.came.set(came, (this.came.get(came) ?? 0) + 1);
  }
}
