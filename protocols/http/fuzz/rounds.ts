import { Random, shrink } from "@gatehouse/testkit";
import { type Comparison, compareRequests, compareResponses } from "./compare.ts";
import { type Conversation, requests, responses } from "./conversations.ts";
import { NodeServer } from "./llhttp.ts";

/** What was found, and the pieces that show it. */
export interface Finding {
  readonly seed: number;
  readonly difference: string;
  readonly pieces: Conversation;
}

/** One in so many rounds is of responses. */
const RESPONSES = 4;

/** Rounds of which each is the same again for the same seed. */
export class Rounds {
  readonly #server = new NodeServer();
  /** Messages that were the same to both, all in all. */
  same = 0;

  async play(seed: number): Promise<Finding | undefined> {
    const pieces = seed % RESPONSES === 0 ? responses(new Random(seed)) : requests(new Random(seed));
    const { difference, same } = await this.#compare(seed, pieces);
    this.same += same;
    if (difference === undefined) return undefined;
    const fewest = await shrink(pieces, async (fewer) => {
      return (await this.#compare(seed, fewer)).difference !== undefined;
    });
    const { difference: left = difference } = await this.#compare(seed, fewest);
    return { seed, difference: left, pieces: fewest };
  }

  #compare(seed: number, pieces: Conversation): Promise<Comparison> {
    const random = new Random(seed);
    const cut = random.split(Buffer.from(pieces.join(""), "latin1"), random.pick([0, 1, 5, 200]));
    if (seed % RESPONSES !== 0) return compareRequests(this.#server, cut);
    return compareResponses(random.pick(["GET", "GET", "HEAD", "POST"]), cut);
  }
}
