import { GatehouseError } from "@gatehouse/core";
import { checkReply, type Response } from "./codec/response.ts";
import type { Request } from "./codec/request.ts";
import { status } from "./codec/numbers.ts";
import type { OpenFile } from "./open-file.ts";

/** What can answer a request, beside a STATUS. */
export type Answer =
  | "status"
  | "handle"
  | "data"
  | "name"
  | "path"
  | "attrs"
  | "statvfs"
  | "limits"
  | "users-groups-by-id";

/** A request that is at the target. */
export interface Asking {
  readonly answer: Answer;
  /** Its id at the client; undefined for what the gateway asks for itself. */
  readonly client: number | undefined;
  /** Of READ: what was asked for, and of which file. */
  readonly file?: OpenFile;
  readonly offset?: number;
  readonly length?: number;
  /** Told of the answer, before the client is. */
  readonly settled?: (response: Response) => void;
}

const ANSWERS: Readonly<Record<Request["type"], Answer>> = {
  open: "handle",
  opendir: "handle",
  read: "data",
  stat: "attrs",
  lstat: "attrs",
  fstat: "attrs",
  readdir: "name",
  readlink: "path",
  realpath: "path",
  "expand-path": "path",
  "home-directory": "path",
  statvfs: "statvfs",
  fstatvfs: "statvfs",
  limits: "limits",
  "users-groups-by-id": "users-groups-by-id",
  close: "status",
  remove: "status",
  rmdir: "status",
  mkdir: "status",
  rename: "status",
  symlink: "status",
  setstat: "status",
  fsetstat: "status",
  lsetstat: "status",
  "posix-rename": "status",
  hardlink: "status",
  fsync: "status",
  "copy-data": "status",
};

export function answerOf(request: Request): Answer {
  return ANSWERS[request.type];
}

/**
 * The requests that are at the target, by ids of the gateway's own: those of its looks and those of the client can't be taken
 * for each other, and a client that uses an id twice confuses itself alone.
 */
export class Asked {
  readonly #asking = new Map<number, Asking>();
  #next = 0;

  get size(): number {
    return this.#asking.size;
  }

  /** @returns the id for the target */
  add(asking: Asking): number {
    while (this.#asking.has(this.#next)) this.#step();
    const id = this.#next;
    this.#step();
    this.#asking.set(id, asking);
    return id;
  }

  /** @throws GatehouseError PROTOCOL_VIOLATION for an answer to nothing */
  take(id: number): Asking {
    const asking = this.#asking.get(id);
    if (!asking) throw new GatehouseError("PROTOCOL_VIOLATION", "an answer to what was not asked");
    this.#asking.delete(id);
    return asking;
  }

  #step(): void {
    this.#next = (this.#next + 1) % 2 ** 32;
  }
}

/** @throws GatehouseError PROTOCOL_VIOLATION for what can't be the answer to this */
export function checkAnswer({ answer }: Asking, response: Response): void {
  if (!fits(answer, response)) {
    throw new GatehouseError(
      "PROTOCOL_VIOLATION",
      `an answer of another type: ${response.type} for ${answer}`,
    );
  }
}

function fits(answer: Answer, response: Response): boolean {
  switch (response.type) {
    case "status":
      // Who is told OK, and not what was asked for, can't go on.
      return answer === "status" || response.code !== status.ok;
    case "handle":
    case "attrs":
      return answer === response.type;
    case "name":
      return answer === "name" || (answer === "path" && response.names.length === 1);
    case "extended":
      if (answer !== "statvfs" && answer !== "limits" && answer !== "users-groups-by-id") return false;
      checkReply(answer, response.data);
      return true;
  }
}
