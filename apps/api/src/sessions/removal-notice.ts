/** The notice in a session when its retained workspace is removed: added once, however often the removal is tried. */
import { assertNever } from "@samovar/base";
import type { workspaces } from "../database/schema.ts";
import type { Env } from "../env.ts";
import { deriveMessageId } from "./derived-id.ts";
import { getProjectData } from "./durable-object/stub.ts";

type RemovedWorkspace = Pick<typeof workspaces.$inferSelect, "id" | "retainedUntil" | "projectId" | "sessionId">;

export type RemovalCause = "requested" | "expired" | "node_gone";

/** Adds nothing for a workspace that was never retained: its run adds its own notice. */
export async function addRemovalNotice(env: Env, row: RemovedWorkspace, cause: RemovalCause): Promise<void> {
  const { id, retainedUntil, projectId, sessionId } = row;
  if (retainedUntil === null || projectId === null || sessionId === null) return;
  try {
    await getProjectData({ env }, projectId).addNotice(
      sessionId,
      deriveMessageId(`${id}:removed`),
      getNoticeText(cause),
    );
  } catch (error) {
    // Without the session there is nowhere to add a notice.
    if (!(error instanceof Error && "code" in error && error.code === "not_found")) throw error;
  }
}

function getNoticeText(cause: RemovalCause): string {
  switch (cause) {
    case "requested":
      return "The retained workspace was removed on request.";
    case "expired":
      return "The retained workspace was removed: its retention period ended.";
    case "node_gone":
      return "The retained workspace is gone with its node.";
    default:
      return assertNever(cause);
  }
}
