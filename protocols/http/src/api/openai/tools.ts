import type { FactValue } from "@gatehouse/core";
import { Members } from "../reading.ts";

/**
 * Names of tools, as chat completions and responses have them. What a client is asked to do has a name of its own; all else is the API's, which
 * may run it. A name of a function has no colon, so none is taken for the other.
 * @throws Unclear
 */
export function toolNames(tools: readonly FactValue[]): readonly string[] {
  return tools.flatMap((value) => {
    const tool = new Members(value);
    const type = tool.text("type");
    switch (type) {
      case "function":
      case "custom":
        return [functionName(tool, type)];
      case "namespace":
        return toolNames(tool.list("tools"));
      default:
        return [`builtin:${type}`];
    }
  });
}

/** In chat completions it stands in a member of the type's name, in responses beside the type. */
function functionName(tool: Members, type: string): string {
  const inner = tool.get(type);
  return (inner === undefined ? tool : new Members(inner)).text("name");
}
