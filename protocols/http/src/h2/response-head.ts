import { checkedTrailers } from "../codec/chunks.ts";
import { Fields } from "../codec/fields.ts";
import { responseFramesFraming } from "../codec/framing.ts";
import { Malformed } from "../codec/malformed.ts";
import type { ResponseHead } from "../codec/response-head.ts";
import { readHeaderList } from "./header-list.ts";

/**
 * A response's head out of its header list (RFC 9113, section 8.3.2).
 * @param method of the request that it answers
 * @param isEnded whether nothing follows it
 * @throws Malformed
 */
export function readResponseHead(
  list: readonly string[],
  { method, isEnded }: { readonly method: string; readonly isEnded: boolean },
): ResponseHead {
  const { pseudo, all } = readHeaderList(list, [":status"]);
  const digits = pseudo.get(":status") ?? "";
  if (!/^[1-5][0-9]{2}$/.test(digits)) throw new Malformed("a status that is none");
  const status = Number(digits);
  const fields = new Fields(all);
  const framing = responseFramesFraming(fields, status, { method, isEnded });
  return { ...{ version: "2", status, reason: "", fields }, framing };
}

/** Fields behind a body. @throws Malformed */
export function readTrailers(list: readonly string[]): Fields {
  return checkedTrailers(new Fields(readHeaderList(list, []).all));
}
