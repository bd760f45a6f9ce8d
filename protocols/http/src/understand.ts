import type { Target, Understanding } from "@gatehouse/core";
import { Fields } from "./codec/fields.ts";
import { Malformed } from "./codec/malformed.ts";
import { HttpCommand } from "./commands.ts";
import { fieldOf } from "./encode.ts";
import { readTarget } from "./path.ts";
import { settingsOf, termsOf } from "./settings.ts";

/**
 * What a request given as text would be: `GET /orders/7?full=1`, and on the next lines its fields, an empty line, its body. A body that begins like
 * JSON is JSON, where no content type says otherwise.
 */
export function understand(text: string, target: Target): Promise<Understanding> {
  return Promise.resolve(understood(text, target));
}

function understood(text: string, target: Target): Understanding {
  const [line = "", ...rest] = text.split(/\r?\n/);
  const [method = "GET", path = "/"] = line.trim().split(/ +/);
  const empty = rest.indexOf("");
  const fields = (empty === -1 ? rest : rest.slice(0, empty)).filter((field) => field !== "").map(fieldIn);
  const body =
    empty === -1
      ? ""
      : rest
          .slice(empty + 1)
          .join("\n")
          .trim();
  const hasType = fields.some(({ lower }) => lower === "content-type");
  const typed =
    /^[[{]/.test(body) && !hasType ? [...fields, fieldOf("Content-Type", "application/json")] : fields;
  try {
    const bytes = Buffer.from(body, "utf8");
    const all = new Fields(typed);
    const head = {
      ...({ method, target: path, authority: undefined, version: "1.1", fields: all } as const),
      framing:
        bytes.length === 0
          ? ({ kind: "none" } as const)
          : ({ kind: "length", length: bytes.length } as const),
    };
    const request = { head, target: readTarget(path), fields: all, body: bytes };
    return {
      ok: true,
      command: new HttpCommand(request, termsOf(settingsOf(target))),
    };
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return {
      ok: false,
      refusal: { kind: "protocol", message: `This request can't be read for certain: ${error.message}.` },
    };
  }
}

function fieldIn(line: string) {
  const colon = line.indexOf(":");
  return fieldOf(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
}
