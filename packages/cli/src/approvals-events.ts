import { StringDecoder } from "node:string_decoder";

/** Characters of one event: the control plane cuts long commands. */
const MAX_EVENT = 4 * 1024 * 1024;

export interface ServerEvent {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: string;
}

/**
 * The events of a stream (HTML, section 9.2.6). Comments are passed over.
 * @throws Error when one is longer than any that a control plane sends
 */
export async function* serverEvents(stream: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent> {
  const decoder = new StringDecoder("utf8");
  let text = "";
  for await (const part of stream) {
    text += decoder.write(Buffer.from(part.buffer, part.byteOffset, part.byteLength));
    for (let end = text.indexOf("\n\n"); end !== -1; end = text.indexOf("\n\n")) {
      const event = eventOf(text.slice(0, end));
      text = text.slice(end + 2);
      if (event) yield event;
    }
    if (text.length > MAX_EVENT) throw new Error("An event of the control plane has no end.");
  }
}

function eventOf(block: string): ServerEvent | undefined {
  const fields = new Map<string, string[]>();
  for (const line of block.split("\n")) {
    const [, name = "", value = ""] = /^([^:]+):? ?(.*)$/s.exec(line) ?? [];
    fields.set(name, [...(fields.get(name) ?? []), value]);
  }
  const data = fields.get("data");
  if (!data) return undefined;
  return {
    id: fields.get("id")?.at(-1),
    event: fields.get("event")?.at(-1) ?? "message",
    data: data.join("\n"),
  };
}
