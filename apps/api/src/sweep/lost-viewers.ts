/** Closes sockets whose access has ended and whose object was not told at the time. */
import type { Deps } from "../deps.ts";
import { findLostAccess, tellObject } from "../sessions/viewer-access.ts";
import type { PhaseOutcome } from "./phase.ts";

/** Throws if an object could not be told; the next sweep tries again. */
export async function sweepLostViewers(deps: Deps): Promise<PhaseOutcome> {
  const lost = await findLostAccess(deps, null);
  const told = await Promise.allSettled(lost.map((each) => tellObject(deps, each)));
  const acted = told.filter(({ status }) => status === "fulfilled").length;
  if (acted < lost.length) throw new Error(`${lost.length - acted} of ${lost.length} projects' objects were not told`);
  return { found: lost.length, acted };
}
