/** What a session is told when its kept workspace goes: once, whoever removes it and however often that is tried. */
import { assertNever } from "@samovar/base";
import type { workspaces } from "../database/schema.ts";
import type { Env } from "../env.ts";
import { derivedMessageId } from "./derived-id.ts";
import { projectData } from "./durable-object/stub.ts";

type RemovedWorkspace = Pick<typeof workspaces.$inferSelect, "id" | "retainedUntil" | "projectId" | "sessionId">;

export type RemovalCause = "asked" | "expired" | "machine_gone";

/** Says nothing of a workspace that was never kept: its run tells what is to be told. */
export async function tellRemoval(env: Env, row: RemovedWorkspace, cause: RemovalCause): Promise<void> {
  const { id, retainedUntil, projectId, sessionId } = row;
  if (retainedUntil === null || projectId === null || sessionId === null) return;
  try {
    await projectData({ env }, projectId).addNotice(sessionId, derivedMessageId(`${id}:removed`), textOf(cause));
  } catch (error) {
    // The session may be gone; its workspace goes all the same.
    if (!(error instanceof Error && "code" in error && error.code === "not_found")) throw error;
  }
}

function textOf(cause: RemovalCause): string {
  switch (cause) {
    case "asked":
      return "The kept workspace was removed on request.";
    case "expired":
      return "The kept workspace was removed: its time was up.";
    case "machine_gone":
      return "The kept workspace is gone with its machine.";
    default:
      return assertNever(cause);
  }
}
