/** `GET /api/audit-log`: security-relevant and destructive actions of a person. Entries are never changed. */
import * as z from "zod";
import { auditEntryId, millis } from "./ids.ts";

export const auditAction = z.enum([
  "credential.stored",
  "credential.deleted",
  "api_token.created",
  "api_token.revoked",
  "device_login.approved",
  "device_login.denied",
  "sign_in_link.created",
  "sign_in_link.redeemed",
  "sign_in_session.ended",
  "budget.changed",
  "prices.changed",
  "project.changed",
  "project.archived",
  "project.restored",
  "task.deleted",
  "agent.added",
  "agent.changed",
  "agent.removed",
  "node.drained",
  "node.destroyed",
  "workspace.destroyed",
]);
export type AuditAction = z.infer<typeof auditAction>;

/** `sign_in_link`: a browser that has just redeemed one. `device_login`: a command line that a person approved. */
export const auditActorKind = z.enum(["sign_in_session", "api_token", "sign_in_link", "device_login", "operator"]);
export type AuditActorKind = z.infer<typeof auditActorKind>;

/** A few short facts; never a secret. */
export const auditDetail = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]));
export type AuditDetail = z.infer<typeof auditDetail>;

export const auditEntry = z.object({
  id: auditEntryId,
  at: millis,
  /** `id`: of the sign-in session or API token; null for the operator and for a link. */
  actor: z.object({ kind: auditActorKind, id: z.string().nullable() }),
  action: auditAction,
  /** The id of what was acted on, or the kind of a credential or agent. */
  objectId: z.string(),
  detail: auditDetail,
});
export type AuditEntry = z.infer<typeof auditEntry>;
