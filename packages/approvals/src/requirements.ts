import {
  type Answer,
  type Approval,
  type Approvers,
  type ErrorCode,
  type Hold,
  identityKey,
  type RuleReference,
} from "@gatehouse/core";

/** A person, as far as it decides on what they may answer. */
export type Person = Answer["by"];

/** People who still have to say yes. */
export interface Missing {
  readonly rule: RuleReference;
  readonly approvers: Approvers;
  /** How many of them have. */
  readonly given: number;
}

/** Whether all that the holds ask for was given. */
export function isMet(approval: Pick<Approval, "holds" | "answers">): boolean {
  return missing(approval).length === 0;
}

/** What the holds still ask for. A person counts once for each hold, but for every hold. */
export function missing({ holds, answers }: Pick<Approval, "holds" | "answers">): readonly Missing[] {
  const people = approving(answers);
  return holds.flatMap(({ rule, approvers }) => {
    const given = assign(approvers, people);
    return approvers.flatMap((entry, at) =>
      (given[at] ?? 0) < entry.count ? [{ rule, approvers: entry, given: given[at] ?? 0 }] : [],
    );
  });
}

/**
 * Why somebody can't answer an approval now; undefined where they can: their yes would bring it nearer.
 * Who is no concern of it learns nothing more.
 */
export function whyNot(
  approval: Pick<Approval, "state" | "requester" | "holds" | "answers">,
  by: Person,
): ErrorCode | undefined {
  const { state, requester, holds, answers } = approval;
  if (identityKey(requester) === identityKey(by)) return "APPROVAL_OWN";
  if (!couldApprove(holds, by)) return "APPROVAL_NOT_YOURS";
  if (state !== "pending") return "APPROVAL_ENDED";
  if (answers.some((answer) => identityKey(answer.by) === identityKey(by))) return "APPROVAL_ANSWERED";
  return holds.some((hold) => helps(hold, answers, by)) ? undefined : "APPROVAL_NOT_YOURS";
}

/** Whether somebody is among those whom these ask for. */
export function couldApprove(holds: readonly Hold[], by: Person): boolean {
  return holds.some(({ approvers }) => approvers.some((entry) => counts(by, entry)));
}

/** Whether one more yes fills a place that is empty, be it by others' changing theirs. */
function helps({ approvers }: Hold, answers: readonly Answer[], by: Person): boolean {
  const people = approving(answers);
  return sum(assign(approvers, [...people, by])) > sum(assign(approvers, people));
}

function approving(answers: readonly Answer[]): Person[] {
  return answers.flatMap(({ by, answer }) => (answer === "approve" ? [by] : []));
}

function counts({ subject, groups, kind }: Person, entry: Approvers): boolean {
  if (entry.subjects && !entry.subjects.includes(subject)) return false;
  if (entry.kinds && !entry.kinds.includes(kind)) return false;
  return !entry.groups || entry.groups.some((group) => groups.includes(group));
}

/**
 * Gives as many people as possible a place, each one at the most: a bipartite matching, by augmenting paths (Kuhn).
 * Who has a place keeps one.
 * @returns for each entry how many of its places are taken
 */
function assign(entries: readonly Approvers[], people: readonly Person[]): number[] {
  const taken: Person[][] = entries.map(() => []);

  function seat(person: Person, tried: Set<number>): boolean {
    for (const [at, entry] of entries.entries()) {
      const places = taken[at];
      if (!places || tried.has(at) || !counts(person, entry)) continue;
      tried.add(at);
      if (places.length < entry.count) {
        places.push(person);
        return true;
      }
      for (const [place, other] of places.entries()) {
        if (!seat(other, tried)) continue;
        places[place] = person;
        return true;
      }
    }
    return false;
  }

  for (const person of people) seat(person, new Set());
  return taken.map((places) => places.length);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
