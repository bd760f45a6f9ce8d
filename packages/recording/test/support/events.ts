import type { Recorded } from "@gatehouse/core";
import { type RecordedEvent, readRecording } from "../../src/index.ts";

export const shell: Recorded = {
  session: "ses_1",
  channel: 0,
  kind: "shell",
  columns: 80,
  rows: 24,
  term: "xterm-256color",
  subject: "dana",
  target: "web",
  level: "deploy",
  startedAt: Date.UTC(2026, 10, 22, 23, 59, 59, 900),
};

export async function eventsOf(file: string): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for await (const event of readRecording(file)) events.push(event);
  return events;
}

/** All that was shown, in order. */
export function shownIn(events: readonly RecordedEvent[]): string {
  return events.flatMap((event) => (event.kind === "output" ? event.text : [])).join("");
}
