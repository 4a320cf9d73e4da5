/** The end of a run: the workspace kept or removed, the task ended, the session closed. Every part may repeat. */
import { assertNever } from "@samovar/base";
import type { NodeId } from "@samovar/base";
import type { TaskChange } from "@samovar/domain/task-status";
import { projectData } from "../tasks/publish.ts";
import { findWorkspace, setWorkspaceState } from "../workspaces/store.ts";
import { inSentences } from "./sentences.ts";
import { RunSuperseded } from "./run-story.ts";
import type { Ending, RunStart, RunStory } from "./run-story.ts";

/** A node that does not confirm soon has the command all the same; the sweep sees to the rest. */
const REMOVAL_PATIENCE_MS = 15_000;

/** Null: the task was ended by somebody else; then the workspace goes and nothing more is said. */
export async function endRun(story: RunStory, start: RunStart, ending: Ending | null): Promise<void> {
  const { nodeId } = story;
  if (nodeId === null) await story.once("end: no slot", () => letGo(story, start, ending));
  else await settleWorkspace(story, start, nodeId, ending);
  if (ending === null) return;
  if (ending.output !== null) await story.mark("finish", "ended");
  try {
    await story.change("end: task", changeOf(ending));
  } catch (error) {
    // Whoever ended the task before us has told its session.
    if (!(error instanceof RunSuperseded)) throw error;
  }
  await story.once("end: session", async () => {
    const status = ending.status === "failed" ? "error" : "stopped";
    await projectData(story.deps, start.task.projectId).endSession(start.task.sessionId, status);
  });
}

function changeOf({ status, failure, output }: Ending): TaskChange {
  const why = failure ?? { code: status, message: `The task is ${status}.` };
  switch (status) {
    case "completed":
      if (output === null) throw new Error("a completed run has an output");
      return { kind: "complete", output };
    case "failed":
      return { kind: "fail", failure: why, output };
    case "cancelled":
      return { kind: "stop", failure: why, output };
    default:
      return assertNever(status, "status");
  }
}

async function settleWorkspace(story: RunStory, start: RunStart, nodeId: NodeId, ending: Ending | null): Promise<void> {
  const fate = ending?.workspace ?? "remove";
  switch (fate) {
    case "keep":
      return story.once("end: keep", () => keep(story, start, ending));
    case "lost":
      return story.once("end: lost", async () => {
        await setWorkspaceState(story.deps.env, start.workspaceId, "failed", { failure: ending?.failure ?? null });
        await tellTranscript(story, start, ending, "The workspace is lost with its machine.");
        await story.node(nodeId).release(start.workspaceId);
      });
    case "remove":
      return remove(story, start, nodeId, ending);
    default:
      return assertNever(fate, "fate");
  }
}

/** It holds its slot, so that its node stays; the sweep or a person ends that. */
async function keep(story: RunStory, start: RunStart, ending: Ending | null): Promise<void> {
  const { env, clock, config } = story.deps;
  const keepUntil = clock.now() + config.KEPT_WORKSPACE_RETENTION_MS;
  const failure = ending?.failure ?? null;
  await setWorkspaceState(env, start.workspaceId, "kept", { keepUntil, failure });
  const until = new Date(keepUntil).toISOString().slice(0, 16).replace("T", " ");
  await tellTranscript(story, start, ending, `The workspace is kept until ${until} UTC.`);
}

async function remove(story: RunStory, start: RunStart, nodeId: NodeId, ending: Ending | null): Promise<void> {
  const { workspaceId } = start;
  const { env } = story.deps;
  await story.once("end: remove", async () => {
    await setWorkspaceState(env, workspaceId, "destroying", { failure: ending?.failure ?? null });
    await tellTranscript(story, start, ending, null);
    const { runId } = story.params;
    await story
      .node(nodeId)
      .enqueue({ id: `${runId}:workspace.destroy`, kind: "workspace.destroy", args: { workspaceId } });
  });
  const seen = await story.until("end: removal", "removal", workspaceId, REMOVAL_PATIENCE_MS);
  await story.once("end: release", async () => {
    if (seen.kind === "reached") await setWorkspaceState(env, workspaceId, "destroyed");
    await story.node(nodeId).release(workspaceId);
  });
}

/** Nothing was chosen, or the run was cut off while choosing: a slot that it may have got is given back. */
async function letGo(story: RunStory, start: RunStart, ending: Ending | null): Promise<void> {
  const intended = await findWorkspace(story.deps.db, start.workspaceId);
  if (intended !== null) {
    await story.node(intended.nodeId).release(start.workspaceId);
    await setWorkspaceState(story.deps.env, start.workspaceId, "destroyed");
  }
  await tellTranscript(story, start, ending, null);
}

/** One notice a run, and only when there is something to say. */
async function tellTranscript(
  story: RunStory,
  { task, noticeId }: RunStart,
  ending: Ending | null,
  more: string | null,
): Promise<void> {
  const said = [ending?.failure?.message, ending?.output?.warning, more].filter((part) => part != null);
  if (said.length === 0) return;
  await projectData(story.deps, task.projectId).addNotice(task.sessionId, noticeId, inSentences(said));
}
