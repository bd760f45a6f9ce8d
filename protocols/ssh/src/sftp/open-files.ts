import { GatehouseError } from "@gatehouse/core";
import { OpenFile, type Opened, type SftpTransfer } from "./open-file.ts";
import { Ahead } from "./transfer.ts";

/** Files and folders that are open at once. */
const MAX_OPEN = 4096;

/** What the target has opened for one client, by handles. Whatever it did not give is no handle. */
export class OpenFiles {
  readonly #files = new Map<string, OpenFile>();
  readonly #ahead = new Ahead();
  readonly #moved: (transfer: SftpTransfer) => void;

  /** @param moved is told what each file has moved, when it is closed */
  constructor(moved: (transfer: SftpTransfer) => void) {
    this.#moved = moved;
  }

  get areFull(): boolean {
    return this.#files.size >= MAX_OPEN;
  }

  /** Undefined also behind its CLOSE. */
  get(handle: string): OpenFile | undefined {
    const file = this.#files.get(handle);
    return file?.closing ? undefined : file;
  }

  /** @throws GatehouseError PROTOCOL_VIOLATION for a handle that is open */
  add(handle: string, opened: Opened): void {
    if (this.get(handle)) {
      throw new GatehouseError("PROTOCOL_VIOLATION", "a handle that is open was given again");
    }
    this.#files.set(handle, new OpenFile(opened, this.#ahead));
  }

  /** @param ok the target agreed */
  closed(handle: string, file: OpenFile, ok: boolean): void {
    // A target that answers in another order may have given the handle to another file already.
    if (this.#files.get(handle) === file) this.#files.delete(handle);
    this.#report(file, ok);
  }

  /** The channel is gone, and so is all that was open. */
  over(): void {
    for (const file of this.#files.values()) this.#report(file, false);
    this.#files.clear();
  }

  #report(file: OpenFile, closed: boolean): void {
    for (const transfer of file.finish(closed)) this.#moved(transfer);
  }
}
