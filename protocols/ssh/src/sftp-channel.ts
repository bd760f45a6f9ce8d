import { decide, type Held, messageOf, type Refusal } from "@gatehouse/core";
import { STDERR } from "./codec/channel-data.ts";
import { sftpCommand } from "./commands.ts";
import type { Channel } from "./connection/channel.ts";

import { noticeText, refusalText } from "./refusal.ts";
import type { SessionContext } from "./session.ts";
import type { Running } from "./session-channel.ts";
import type { SftpAction } from "./sftp/action.ts";
import type { SftpDecision } from "./sftp/ports.ts";
import { SftpRelay } from "./sftp/relay.ts";

/** A channel in which SFTP is spoken: what its client asks of the target's files is decided request by request. */
export class SftpChannel implements Running {
  readonly #context: SessionContext;
  readonly #client: Channel;
  readonly #target: Channel;
  readonly #relay: SftpRelay;
  readonly #held = new Set<Held>();
  #isOver = false;

  constructor(context: SessionContext, client: Channel, target: Channel) {
    this.#context = context;
    this.#client = client;
    this.#target = target;
    const { session } = context;
    this.#relay = new SftpRelay({
      toTarget: (bytes, taken) => target.writeAll(bytes, taken && { consumed: taken }),
      toClient: (bytes, taken) => client.writeAll(bytes, taken && { consumed: taken }),
      clientTaken: (bytes) => client.consumed(bytes),
      targetTaken: (bytes) => target.consumed(bytes),
      decide: (action) => this.#decide(action),
      refuse: async (refused) => this.#told(await session.refuse(refused)),
      moved: (transfer) => {
        void session.moved(transfer);
      },
      endTarget: () => target.end(),
      endClient: () => client.end(),
      failed: (error) => this.#failed(error),
    });
  }

  fromClient(bytes: Buffer): void {
    this.#relay.fromClient(bytes);
  }

  clientEnded(): void {
    this.#relay.clientEnded();
  }

  fromTarget(bytes: Buffer, type: number | undefined): void {
    if (type === undefined) this.#relay.fromTarget(bytes);
    // What the server has to say to people beside its answers.
    else this.#client.write(bytes, type, this.#target);
  }

  targetEnded(): void {
    this.#relay.targetEnded();
  }

  /** SFTP has no terminal. */
  resized(): void {}

  exited(): void {}

  over(): void {
    this.#isOver = true;
    for (const held of this.#held) held.gone("client_gone");
    this.#relay.over();
  }

  async #decide(action: SftpAction): Promise<SftpDecision> {
    const { session, upstream } = this.#context;
    const decided = await decide(
      session,
      () => sftpCommand(action, session.lease.user),
      (held) => this.#waits(held),
    );
    if (!decided.ok) {
      this.#told(decided.refusal);
      return decided;
    }
    const { permit, command, held } = decided;
    return {
      ok: true,
      held: held !== undefined,
      send: (bytes) => upstream.send(permit, command, this.#target, bytes),
      outcome: (ok) => held?.outcome(ok ? "done" : "failed"),
    };
  }

  /** Most clients show a failed request in words of their own, and not in those of the answer. */
  #told(refusal: Refusal): Refusal {
    this.#client.write(refusalText(refusal), STDERR);
    return refusal;
  }

  #waits(held: Held): void {
    this.#held.add(held);
    void held.ended.then(() => this.#held.delete(held));
    if (this.#isOver) held.gone("client_gone");
    else this.#client.write(noticeText(held.notice), STDERR);
  }

  #failed(error: unknown): void {
    this.#context.log.warn({ error: messageOf(error) }, "an SFTP channel was ended");
    this.#client.close();
    this.#target.close();
  }
}
