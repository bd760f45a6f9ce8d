import {
  type Approval,
  type Identity,
  identityKey,
  type Mask,
  type Target,
  type ValueMasks,
} from "@gatehouse/core";
import { columnMatcher } from "@gatehouse/masking";
import type { LoadedPolicies } from "@gatehouse/policy";

/** What decides on what somebody may see of a command's values. */
export interface Sight {
  readonly policies: LoadedPolicies;
  readonly targets: ReadonlyMap<string, Target>;
  readonly values: ValueMasks;
}

/**
 * An approval as somebody may see it. A command quotes values: who may not see those in an answer may not see them here.
 * Their requester may: the values are theirs already.
 * @returns `withheld`: no text but the outline, and no parameters
 */
export function seenBy(
  viewer: Identity,
  approval: Approval,
  { policies, targets, values }: Sight,
): { readonly approval: Approval; readonly withheld: boolean } {
  const { requester, command, target: name } = approval;
  if (identityKey(requester) === identityKey(viewer)) return { approval, withheld: false };
  const hidden = hiddenFrom(viewer, policies, targets.get(name), name);
  if (hidden.length === 0) return { approval, withheld: false };
  const { touches } = command;
  const byColumn = hidden.filter(({ columns }) => columns.length > 0);
  const withheld =
    touches === null
      ? byColumn.length > 0
      : byColumn.some(({ columns }) => columns.some((pattern) => touches.some(columnMatcher(pattern))));
  if (withheld) return { approval: { ...approval, command: withoutValues(command) }, withheld };
  const detecting = hidden.filter(({ detect }) => detect.length > 0);
  if (detecting.length === 0) return { approval, withheld };
  const hide = values.detectors(detecting);
  const shown = {
    ...command,
    text: hide(command.text) ?? "",
    runs: command.runs.map((text) => hide(text) ?? ""),
    parameters: command.parameters.map((parameter) => parameter && hide(parameter)),
  };
  return { approval: { ...approval, command: shown }, withheld };
}

/**
 * What masks hide from somebody on a target: those of the level at which least is hidden. Whom no rule lets in has no
 * right to see what is masked from anybody.
 */
function hiddenFrom(
  viewer: Identity,
  policies: LoadedPolicies,
  target: Target | undefined,
  name: string,
): readonly Mask[] {
  const everything = policies.masksAt(name);
  if (target === undefined || everything.length === 0) return everything;
  const levels = [...target.levels.values()].filter((level) =>
    policies.admits({ identity: viewer, target, level }),
  );
  return levels
    .map((level) => policies.masks({ identity: viewer, target, level }))
    .reduce((least, masks) => (masks.length < least.length ? masks : least), everything);
}

function withoutValues(command: Approval["command"]): Approval["command"] {
  const { outline = "(withheld: it may quote values that are masked from you)" } = command;
  return { ...command, text: outline, parameters: [], runs: [] };
}
