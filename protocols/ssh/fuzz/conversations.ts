import type { Random } from "@gatehouse/testkit";
import { faults, type Kind, kinds, type Step } from "./steps.ts";

/** Requests that a server answers, whatever it thinks of them. */
const ANSWERED: readonly [Kind, ...Kind[]] = ["none", "password", "interactive", "shown key"];
const GREETINGS: readonly [string, ...string[]] = [
  ...(["", "\r\n", "GET / HTTP/1.1\r\n\r\n", "SSH-1.5-old\r\n", "SSH-2.0-\r\n", "SSH-2.0-a\0b\r\n"] as const),
  ...(["SSH-2.0-x", "SSH-2.0-a b c\n", "ssh-2.0-x\r\n"] as const),
  `SSH-2.0-${"x".repeat(300)}\r\n`,
  "x".repeat(5000),
];

/** What a client does that was never let in, from its first byte on: more or less as it should, so that it gets far. */
export function conversation(random: Random): Step[] {
  const steps = [...opening(random)];
  for (let left = random.below(8); left > 0; left--) steps.push(...middle(random));
  steps.push([random.chance(0.8) ? "end" : "reset"]);
  return steps;
}

const seed = (random: Random): number => random.below(2 ** 31);
const hex = (text: string): string => Buffer.from(text, "latin1").toString("hex");

/** So far that it could log in. */
const asking: Step[] = [["hello"], ["init"], ["finish"], ["message", "service"], ["answer"]];

/** To the first keys; or not so far. */
function opening(random: Random): Step[] {
  switch (random.below(14)) {
    case 0:
      return [["raw", hex(random.pick(GREETINGS))]];
    case 1:
      return [["hello"], stray(random)];
    case 2:
      return [["hello"], ["init", seed(random)], ["finish"]];
    case 3:
      return [["hello"], ["init"], stray(random), ["finish"]];
    case 4:
      return [["hello"], ["init"], ["init"], ["finish"]];
    case 5:
      return [["hello"], ["init"], ["finish", random.pick(kinds)]];
    case 6:
      return [["hello"], ["raw", random.bytes(random.below(300)).toString("hex")]];
    case 7:
      return [["hello"], ["init"], ["finish"]];
    case 8:
    case 9:
    case 10:
      return [...asking, ["proof", random.pick(faults)], ["answer"]];
    default:
      return asking;
  }
}

function middle(random: Random): Step[] {
  switch (random.below(10)) {
    case 0:
    case 1:
      return [["proof", random.pick(faults)], ["answer"]];
    case 2:
      return [["message", random.pick(ANSWERED)], ["answer"]];
    case 3:
    case 4:
      return [["message", "signed key", seed(random)]];
    case 5:
      return [["init"], ["finish"]];
    default:
      return [stray(random)];
  }
}

function stray(random: Random): Step {
  const kind = random.pick(kinds);
  switch (random.below(6)) {
    case 0:
      return [
        "payload",
        Buffer.concat([Buffer.of(random.below(256)), random.bytes(random.below(60))]).toString("hex"),
      ];
    case 1:
      // The same packet twice is one that is right, and another.
      return ["packet", random.pick(["flipped", "cut", "long", "twice"]), harmless(kind), seed(random)];
    case 2:
      // As it should be, but not now.
      return ["message", harmless(kind)];
    default:
      return ["message", kind, seed(random)];
  }
}

/** Save what would be let in. */
function harmless(kind: Kind): Kind {
  return kind === "signed key" ? "shown key" : kind;
}
