import type { Approvals } from "@gatehouse/approvals";
import {
  type Approval,
  type AuditLog,
  errorCodes,
  GatehouseError,
  type Identity,
  identityKey,
} from "@gatehouse/core";
import type { CallbackAnswer, Callbacks, Webhooks } from "@gatehouse/webhooks";
import type { ApprovalDesk, ApprovalView } from "./approval-desk.ts";
import type { ChangeLog } from "./change-log.ts";
import { type Sight, seenBy } from "./viewing.ts";

export interface DeskOptions {
  readonly approvals: Approvals;
  readonly changes: ChangeLog;
  readonly webhooks: Pick<Webhooks, "deliveries">;
  readonly callbacks: Pick<Callbacks, "verify">;
  readonly audit: AuditLog;
  /** As it is at this moment. */
  readonly sight: () => Sight;
}

/** Approvals that are read at once, and that are looked at for one list: whoever may see few gets a short one, and no long search. */
const PAGE = 50;
const LOOKED_AT = 200;

/** Where people see and answer what is held: each sees what concerns them, without what is masked from them. */
export function openDesk({
  approvals,
  changes,
  webhooks,
  callbacks,
  audit,
  sight,
}: DeskOptions): ApprovalDesk {
  function concerns(viewer: Identity, approval: Approval): boolean {
    return (
      approvals.mayAnswer(approval, viewer) !== "APPROVAL_NOT_YOURS" ||
      approval.answers.some(({ by }) => identityKey(by) === identityKey(viewer))
    );
  }

  function view(viewer: Identity, approval: Approval): ApprovalView {
    const unanswerable = approvals.mayAnswer(approval, viewer);
    return {
      ...seenBy(viewer, approval, sight()),
      missing: approval.state === "pending" ? approvals.missing(approval) : [],
      ...(unanswerable === undefined ? {} : { unanswerable }),
      alike: approvals.pendingAlike(approval),
      deliveries: webhooks.deliveries(approval.id),
    };
  }

  function shown(viewer: Identity, page: readonly Approval[], next: string | undefined) {
    const views = page.map((approval) => view(viewer, approval));
    return { approvals: views, ...(next === undefined ? {} : { next }) };
  }

  return {
    list(viewer, { limit, ...query }) {
      const found: Approval[] = [];
      let before = query.before;
      for (let left = LOOKED_AT; left > 0; left -= PAGE) {
        const page = approvals.list({ ...query, ...(before === undefined ? {} : { before }), limit: PAGE });
        for (const approval of page) {
          if (found.length === limit) return shown(viewer, found, before);
          before = approval.id;
          if (concerns(viewer, approval)) found.push(approval);
        }
        if (page.length < PAGE) return shown(viewer, found, undefined);
      }
      return shown(viewer, found, before);
    },

    show(viewer, id) {
      const approval = approvals.get(id);
      if (!approval || !concerns(viewer, approval)) {
        throw new GatehouseError("APPROVAL_UNKNOWN", errorCodes.APPROVAL_UNKNOWN);
      }
      return view(viewer, approval);
    },

    async answer(viewer, id, given) {
      return view(viewer, await approvals.answer(id, viewer, given));
    },

    async callback(name, headers, body) {
      let verified: CallbackAnswer;
      try {
        verified = await callbacks.verify(name, headers, body);
      } catch (error) {
        if (error instanceof GatehouseError) {
          await audit.append({
            type: "approval.rejected",
            approval: "",
            code: error.code,
            via: `callback ${name.slice(0, 64)}`,
          });
        }
        throw error;
      }
      const { approval, by, ...given } = verified;
      return view({ ...by, expiresAt: 0 }, await approvals.answer(approval, by, given));
    },

    watch: (viewer, after, listener) =>
      changes.follow(after, ({ id, event, approval }) => {
        if (concerns(viewer, approval)) listener({ id, event, view: view(viewer, approval) });
      }),
  };
}
