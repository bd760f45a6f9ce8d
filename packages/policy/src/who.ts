import type { Identity } from "@gatehouse/core";
import { z } from "zod";
import { listOf, text } from "./fields.ts";

/** The lists that name identities, as they are written. */
export const whoLists = {
  groups: listOf(text, "group").exactOptional(),
  subjects: listOf(text, "subject").exactOptional(),
  kinds: listOf(z.enum(["human", "workload"]), "kind").exactOptional(),
};

type WhoLists = {
  readonly [list in keyof typeof whoLists]?: readonly string[] | undefined;
};

/** Whom something is for: within one list any entry will do, and every list that is there must have one. */
export interface Who {
  readonly groups: ReadonlySet<string> | undefined;
  readonly subjects: ReadonlySet<string> | undefined;
  readonly kinds: ReadonlySet<string> | undefined;
}

export function whoOf({ groups, subjects, kinds }: WhoLists): Who {
  return { groups: setOf(groups), subjects: setOf(subjects), kinds: setOf(kinds) };
}

export function includes({ groups, subjects, kinds }: Who, identity: Identity): boolean {
  return (
    (groups === undefined || identity.groups.some((group) => groups.has(group))) &&
    (subjects === undefined || subjects.has(identity.subject)) &&
    (kinds === undefined || kinds.has(identity.kind))
  );
}

/** Whether whoever the second is for, the first is for as well. False where that can't be told. */
export function covers(wide: Who, narrow: Who): boolean {
  return (["groups", "subjects", "kinds"] as const).every((list) => {
    const entries = narrow[list];
    const wanted = wide[list];
    return (
      wanted === undefined || (entries !== undefined && [...entries].every((entry) => wanted.has(entry)))
    );
  });
}

export function setOf(list: readonly string[] | undefined): ReadonlySet<string> | undefined {
  return list && new Set(list);
}
