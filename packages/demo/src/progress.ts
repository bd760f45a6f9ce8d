import { styleText } from "node:util";
import type { Progress } from "./environment.ts";

type Format = Parameters<typeof styleText>[0];

/** Colours where `stream` shows them (a terminal, and NO_COLOR not set). */
export function paint(format: Format, text: string, stream: NodeJS.WriteStream): string {
  return styleText(format, text, { stream });
}

/** A line a step on `stream`: `…` while it runs and `✔` when the next begins, on a terminal in place. */
export function stepsOn(stream: NodeJS.WriteStream): { readonly progress: Progress; done(): void } {
  let current: string | undefined;
  const finish = () => {
    if (current === undefined) return;
    stream.write(`${stream.isTTY ? "\r\u001b[K" : ""}  ${paint("green", "✔", stream)} ${current}\n`);
    current = undefined;
  };
  return {
    progress(step) {
      finish();
      current = step;
      if (stream.isTTY) stream.write(`  ${paint("dim", "…", stream)} ${step}`);
    },
    done: finish,
  };
}
