/** Closes sockets whose access has ended and whose object was not notified at the time. */
import type { Deps } from "../deps.ts";
import { findLostAccess, notifyObject } from "../sessions/viewer-access.ts";
import { PER_SWEEP } from "./phase.ts";
import type { PhaseOutcome } from "./phase.ts";

/** Throws if an object could not be notified; the next sweep tries again. */
export async function sweepLostViewers(deps: Deps): Promise<PhaseOutcome> {
  const lost = (await findLostAccess(deps, null)).slice(0, PER_SWEEP);
  const notified = await Promise.allSettled(lost.map((each) => notifyObject(deps, each)));
  const acted = notified.filter(({ status }) => status === "fulfilled").length;
  if (acted < lost.length)
    throw new Error(`${lost.length - acted} of ${lost.length} projects' objects were not notified`);
  return { found: lost.length, acted };
}
