/**
 * Which workspaces may deliver to a session. A workspace's node informs this object when the workspace gets its slot and when
 * it loses it, so that a delivery needs no further call. A workspace that this object has no report of is admitted: only its
 * node's object signs its token. Keeps M1, S1.
 */
import type { Millis, SessionId } from "@samovar/base";
import { SamovarError } from "@samovar/contracts";
import type { WorkspaceClaims } from "@samovar/contracts";
import type { ProjectStorage } from "./storage.ts";

/**
 * Throws `unauthenticated` unless the workspace holds its slot on its node in this epoch, or held it until recently and the
 * session's transcript is not complete: an honest node may still have messages then.
 */
export function requireDeliverer(storage: ProjectStorage, claims: WorkspaceClaims, now: Millis): void {
  const known = storage.deliverer(claims.workspace, claims.node);
  if (known === null) return;
  const isSame = known.epoch === claims.epoch && known.sessionId === claims.session;
  if (isSame && (known.deliverUntil === null || isStillAwaited(storage, claims.session, known.deliverUntil, now)))
    return;
  throw new SamovarError("unauthenticated", "The token is not for a workspace that still delivers.");
}

const isStillAwaited = (storage: ProjectStorage, session: SessionId, until: Millis, now: Millis): boolean =>
  now < until && !storage.isComplete(session);
