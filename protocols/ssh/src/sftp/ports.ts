import type { Refusal, RefusalKind } from "@gatehouse/core";
import type { SftpAction } from "./action.ts";
import type { SftpTransfer } from "./open-file.ts";

export type SftpDecision =
  | {
      readonly ok: true;
      /** It has waited for people: where its paths lead is looked up again. */
      readonly held: boolean;
      /** Sends its one request to the target, with the permit; once, or never. */
      send(bytes: readonly Buffer[]): void;
      /** What became of it, as far as the target says. Not called where the channel ends before. */
      outcome?(ok: boolean): void;
    }
  | { readonly ok: false; readonly refusal: Refusal };

/** What is refused before there is anything to decide. */
export interface SftpRefused {
  readonly kind: Extract<RefusalKind, "encoding" | "unsupported" | "syntax">;
  readonly message: string;
  /** What was asked for, for the audit log. */
  readonly text: string;
}

/** What a relay has its owner do. None of these may throw. */
export interface SftpPorts {
  /**
   * Sends what needs no permit: of a handle whose opening had one, and what the relay itself asks (INIT, and where paths lead).
   * @param taken is called when the bytes are on their way, or for nobody any more
   */
  toTarget(bytes: readonly Buffer[], taken?: () => void): void;
  toClient(bytes: readonly Buffer[], taken?: () => void): void;
  /** So many bytes of the client's were dealt with: it may send as many more. */
  clientTaken(bytes: number): void;
  targetTaken(bytes: number): void;
  /** Decides, and may wait for people. */
  decide(action: SftpAction): Promise<SftpDecision>;
  /** Puts a refusal of the relay's own on the audit log. */
  refuse(refused: SftpRefused): Promise<Refusal>;
  /** A file was closed, or the channel ended: what was moved. */
  moved(transfer: SftpTransfer): void;
  /** The client sends no more, and all that it has sent is passed on. */
  endTarget(): void;
  /** The target sends no more. */
  endClient(): void;
  /** One side broke the grammar (PROTOCOL_VIOLATION), or a port failed. Called once; nothing is relayed any more. */
  failed(error: unknown): void;
}
