import type { ApprovalBody } from "@gatehouse/api/bodies";
import { approvalTable, whatOf } from "./approvals-table.ts";
import { fitted } from "./approvals-text.ts";
import type { Watcher } from "./approvals-watch.ts";
import { paint } from "./output.ts";

/** Changes that are shown beneath the table. */
const RECENT = 5;
/** Milliseconds after which the time that is left is counted anew. */
const TICK = 1_000;

/** xterm's second screen, without a cursor: what stood on the terminal before is there again afterwards. */
const OPEN = "\x1b[?1049h\x1b[?25l";
const CLOSE = "\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
const REST_OF_LINE = "\x1b[K";
const REST_OF_SCREEN = "\x1b[J";

/** What is used of a terminal. */
interface Terminal {
  readonly columns: number;
  readonly rows: number;
  write(text: string): unknown;
  on(event: "resize", listener: () => void): unknown;
  off(event: "resize", listener: () => void): unknown;
}

/** A table that is redrawn with each change, on a terminal. */
export class Screen implements Watcher {
  readonly #state: string | undefined;
  readonly #terminal: Terminal;
  readonly #recent: string[] = [];
  readonly #ticks: NodeJS.Timeout;
  #approvals: readonly ApprovalBody[] = [];
  #trouble: string | undefined;
  #isOpen = true;

  /** @param state shows those in this state alone */
  constructor(state: string | undefined, terminal: Terminal) {
    this.#state = state;
    this.#terminal = terminal;
    terminal.write(OPEN);
    terminal.on("resize", this.#draw);
    this.#ticks = setInterval(this.#draw, TICK);
  }

  listed(approvals: readonly ApprovalBody[]): void {
    this.#approvals = approvals;
    this.#trouble = undefined;
    this.#draw();
  }

  changed(event: string, approval: ApprovalBody): void {
    const rest = this.#approvals.filter(({ id }) => id !== approval.id);
    const isShown = this.#state === undefined || approval.state === this.#state;
    const isNew = rest.length === this.#approvals.length;
    if (!isShown) this.#approvals = rest;
    else if (isNew) this.#approvals = [approval, ...rest];
    else this.#approvals = this.#approvals.map((one) => (one.id === approval.id ? approval : one));
    const time = new Date(approval.changedAt).toTimeString().slice(0, 8);
    const by = approval.answers.at(-1)?.by.subject;
    const answered =
      by !== undefined && ["answered", "approved", "denied"].includes(event) ? ` by ${by}` : "";
    this.#recent.push(
      `${time}  ${event}${answered}  ${approval.id}  ${approval.requester.subject}  ${whatOf(approval)}`,
    );
    if (this.#recent.length > RECENT) this.#recent.shift();
    this.#trouble = undefined;
    this.#draw();
  }

  lost(reason: string): void {
    this.#trouble = reason;
    this.#draw();
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    clearInterval(this.#ticks);
    this.#terminal.off("resize", this.#draw);
    this.#terminal.write(CLOSE);
  }

  readonly #draw = (): void => {
    const { columns, rows } = this.#terminal;
    // The last column stays free: a terminal goes on in the next line when it is written to.
    const width = columns - 1;
    const recent = this.#recent.map((line) => paint("dim", fitted(line, width).shown));
    const trouble =
      this.#trouble === undefined
        ? []
        : [paint("red", fitted(`connecting again: ${this.#trouble}`, width).shown)];
    const foot = [
      ...recent,
      ...trouble,
      paint("dim", fitted("Ctrl-C ends; gatehouse approvals show ID says more", width).shown),
    ];
    const room = Math.max(2, rows - foot.length - 2);
    const table = approvalTable(this.#approvals, width, Date.now());
    const more = table.length > room ? [paint("yellow", `… and ${table.length - room + 1} more`)] : [];
    const shown = [...table.slice(0, room - more.length), ...more];
    const lines = [
      ...(this.#approvals.length === 0 ? ["Nothing waits that you may see."] : shown),
      "",
      ...foot,
    ];
    this.#terminal.write(
      HOME +
        lines
          .slice(0, rows)
          .map((line) => line + REST_OF_LINE)
          .join("\r\n") +
        REST_OF_SCREEN,
    );
  };
}
