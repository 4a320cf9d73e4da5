/** What a session is told when its kept workspace goes: once, whoever removes it and however often that is tried. */
import type { MessageId, WorkspaceId } from "@samovar/base";
import { assertNever } from "@samovar/base";
import { messageId } from "@samovar/contracts";
import type { Env } from "../env.ts";
import { projectData } from "../tasks/publish.ts";
import type { WorkspaceRow } from "./store.ts";

export type RemovalCause = "asked" | "expired" | "machine_gone";

/** Says nothing of a workspace that was never kept: its run tells what is to be told. */
export async function tellRemoval(env: Env, row: WorkspaceRow, cause: RemovalCause): Promise<void> {
  const { id, keepUntil, projectId, sessionId } = row;
  if (keepUntil === null || projectId === null || sessionId === null) return;
  try {
    await projectData({ env }, projectId).addNotice(sessionId, await noticeIdOf(id), textOf(cause));
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

/** Made from the workspace's id (RFC 9562 version 8), so that the notice is one however often it is told. */
async function noticeIdOf(id: WorkspaceId): Promise<MessageId> {
  const text = new TextEncoder().encode(`${id}:removed`);
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", text)).slice(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return messageId.parse(
    [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-"),
  );
}
