/** The finish of a session that ended clean: commit, push, and hand over what could not be pushed [R14][F41]. Repeatable. */
import { errorMessage } from "@samovar/base";
import type { FinishOutputs } from "../git/finish.ts";
import { finishCheckout, NO_OUTPUTS } from "../git/finish.ts";
import type { SessionRow, WorkspaceRow } from "../store/rows.ts";
import { checkoutPlaces } from "../workspaces/places.ts";

export interface FinishPorts {
  readonly stateDir: string;
  /** The switchboard is leaving: what was begun is done again by the next one. */
  readonly stopping: AbortSignal;
  /** The workspace is to go. */
  readonly destroyed: AbortSignal;
}

export async function finishSession(
  session: SessionRow,
  workspace: WorkspaceRow,
  { stateDir, stopping, destroyed }: FinishPorts,
): Promise<FinishOutputs> {
  const { branch, baseCommit, args } = workspace;
  if (branch === null || baseCommit === null) throw new Error("the workspace was never made ready");
  const input = { ...session.args.finish, repoUrl: args.repoUrl, branch, baseCommit };
  try {
    const signal = AbortSignal.any([stopping, destroyed]);
    return await finishCheckout(input, checkoutPlaces(stateDir, workspace.place), signal);
  } catch (error) {
    if (stopping.aborted || !destroyed.aborted) throw error;
    return { ...NO_OUTPUTS, pushError: `The workspace was removed first: ${errorMessage(error)}` };
  }
}
