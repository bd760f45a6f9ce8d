import { type JsonForm, JsonRewriter, type JsonVisitor } from "./json-rewriter.ts";
import type { Sink } from "./sink.ts";

/** A body of JSON on its way, with some of its values replaced. What is not touched goes on byte for byte; a body without a byte passes. */
export class JsonStream<Place> implements Sink {
  readonly #rewriter: JsonRewriter<Place>;
  readonly #next: Sink;
  #isEmpty = true;

  constructor(visitor: JsonVisitor<Place>, values: JsonForm["values"], next: Sink) {
    this.#rewriter = new JsonRewriter(visitor, { units: "bytes", values });
    this.#next = next;
  }

  write(content: readonly Buffer[]): Promise<void> | undefined {
    const out: Buffer[] = [];
    for (const bytes of content) {
      if (bytes.length === 0) continue;
      this.#isEmpty = false;
      const text = bytes.toString("latin1");
      const rewritten = this.#rewriter.write(text);
      if (rewritten === text) out.push(bytes);
      else if (rewritten !== "") out.push(Buffer.from(rewritten, "latin1"));
    }
    return out.length === 0 ? undefined : this.#next.write(out);
  }

  end(): Promise<void> | undefined {
    const rest = this.#isEmpty ? "" : this.#rewriter.end();
    if (rest === "") return this.#next.end();
    const written = this.#next.write([Buffer.from(rest, "latin1")]);
    return written === undefined ? this.#next.end() : written.then(() => this.#next.end());
  }

  abort(): void {
    this.#next.abort();
  }
}
