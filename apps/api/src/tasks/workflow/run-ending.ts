/**
 * The end of a run: the workspace kept or removed, the task ended, the session closed. Every part may repeat, and none
 * that fails keeps the task from its end. Keeps T1.
 */
import { assertNever } from "@samovar/base";
import type { Millis, NodeId } from "@samovar/base";
import type { Failure, TaskOutput } from "@samovar/contracts";
import { getRunDurations } from "@samovar/domain/run-durations";
import { isTerminal } from "@samovar/domain/task-status";
import type { TaskChange } from "@samovar/domain/task-status";
import type { Deps } from "../../deps.ts";
import { projectData } from "../../sessions/durable-object/stub.ts";
import { findWorkspace, setWorkspaceState } from "../../workspaces/store.ts";
import { tryChange } from "../change.ts";
import { stepEvents } from "../step-events.ts";
import { findTask } from "../store.ts";
import { inSentences } from "./sentences.ts";
import type { Ending, RunStart, RunStory } from "./run-story.ts";
import type { TaskRunParams } from "./params.ts";

/** Null: the task was ended by somebody else; then the workspace goes and nothing more is said. */
export async function endRun(story: RunStory, start: RunStart, ending: Ending | null): Promise<void> {
  const { nodeId } = story;
  const wasAsked = nodeId !== null && story.askedOn === nodeId;
  const clear = wasAsked ? await settleWorkspace(story, start, nodeId, ending) : await letGo(story, start, ending);
  if (ending === null) return clear();
  // Before the task: nobody wakes a run that is cut off once its task has ended.
  await Promise.all([clear(), story.attempt("end: session", () => closeSession(story, start.task, ending.status))]);
  await endTask(story, ending);
}

/** What is left to do once the transcript has its last notice. */
type Rest = () => Promise<void>;
const nothing: Rest = () => Promise.resolve();

/** For a run that could not even be opened. */
export async function endUnopened(story: RunStory, failure: Failure): Promise<void> {
  await endTask(story, { status: "failed", failure, output: null, workspace: "remove" });
  await story.attempt("end: session", async () => {
    const task = await findTask(story.deps.db, story.params.taskId);
    if (task !== null && task.runId === story.params.runId) await closeSession(story, task, "failed");
  });
}

/** The one thing that must be: tried for hours, since giving up would lose how the work ended. */
async function endTask(story: RunStory, ending: Ending | null): Promise<void> {
  if (ending === null) return;
  for (let tries = 1; ; tries++) {
    try {
      return await story.once(`end: task ${tries}`, () => writeEnd(story, ending));
    } catch (error) {
      if (tries === END_TRIES) throw error;
      await story.pause(`end: wait ${tries}`, END_PAUSE_MS);
    }
  }
}

const END_TRIES = 30;
const END_PAUSE_MS = 60_000;

/** A task that somebody else has ended stays as it is: they have told its session. */
async function writeEnd(story: RunStory, ending: Ending): Promise<void> {
  const { deps, params, actor } = story;
  const output = ending.output === null ? null : { ...ending.output, durations: await durations(deps, params) };
  const events = output === null ? [] : [story.mark("finish", "finished")];
  const outcome = await tryChange(deps, params.taskId, changeOf({ ...ending, output }), actor, { events });
  if (outcome.ok || outcome.refusal.code !== "wrong_status" || isTerminal(outcome.task.status)) return;
  const failure = {
    code: "internal",
    message: `The run came to an end that its task could not take: ${outcome.refusal.message}`,
  };
  await tryChange(deps, params.taskId, { kind: "fail", failure, output }, actor);
}

async function durations({ db, clock }: Deps, { taskId, runId }: TaskRunParams): Promise<TaskOutput["durations"]> {
  return getRunDurations(await stepEvents(db, taskId), runId, clock.now());
}

/** What was said for a person stands in the transcript, the status says how it ended. */
async function closeSession({ deps }: RunStory, task: RunStart["task"], status: Ending["status"]): Promise<void> {
  await projectData(deps, task.projectId).endSession(task.sessionId, status === "failed" ? "error" : "stopped");
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

async function settleWorkspace(story: RunStory, start: RunStart, nodeId: NodeId, ending: Ending | null): Promise<Rest> {
  const fate = ending?.workspace ?? "remove";
  const failure = ending?.failure ?? null;
  switch (fate) {
    case "keep":
      return keep(story, start, nodeId, ending);
    case "lost":
      await story.attempt("end: lost", () =>
        setWorkspaceState(story.deps.env, start.workspaceId, "failed", { failure }),
      );
      await tellTranscript(story, start, ending, "The workspace is lost with its machine.");
      await story.attempt("end: release", () => story.node(nodeId).release(start.workspaceId));
      return nothing;
    case "remove":
      return remove(story, start, nodeId, ending);
    default:
      return assertNever(fate, "fate");
  }
}

/** Its node stays with it, and has its place for other work; the sweep or a person ends that. */
async function keep(story: RunStory, start: RunStart, nodeId: NodeId, ending: Ending | null): Promise<Rest> {
  const { env, config } = story.deps;
  const retainedUntil = (await story.now("end: kept from")) + config.WORKSPACE_RETENTION_MS;
  const failure = ending?.failure ?? null;
  await story.attempt("end: keep", () =>
    setWorkspaceState(env, start.workspaceId, "retained", { retainedUntil, failure }),
  );
  await story.attempt("end: keep place", () => story.node(nodeId).keep(start.workspaceId));
  const until = new Date(retainedUntil).toISOString().slice(0, 16).replace("T", " ");
  await tellTranscript(story, start, ending, `The workspace is kept until ${until} UTC.`);
  return nothing;
}

async function remove(story: RunStory, start: RunStart, nodeId: NodeId, ending: Ending | null): Promise<Rest> {
  const { workspaceId } = start;
  const { env } = story.deps;
  const failure = ending?.failure ?? null;
  const askedAt = await story.attemptAt("end: remove", async () => {
    await setWorkspaceState(env, workspaceId, "destroying", { failure });
    const id = `${story.params.runId}:workspace.destroy`;
    await story.node(nodeId).enqueue({ id, kind: "workspace.destroy", args: { workspaceId } });
  });
  await tellTranscript(story, start, ending, null);
  return async () => {
    const isGone =
      askedAt !== null && (await isRemoved(story, workspaceId, ending?.status === "completed" ? askedAt : null));
    await story.attempt("end: release", async () => {
      if (isGone) await setWorkspaceState(env, workspaceId, "destroyed");
      await story.node(nodeId).release(workspaceId);
    });
  };
}

/** `askedAt`: null for a workspace that may be gone already, as one that could not be made. */
async function isRemoved(
  story: RunStory,
  workspaceId: RunStart["workspaceId"],
  askedAt: Millis | null,
): Promise<boolean> {
  try {
    return (await story.until("end: removal", "removal", workspaceId, { askedAt })).kind === "reached";
  } catch {
    // Its node can not be asked; the sweep will.
    return false;
  }
}

/** No workspace was asked for: a slot that the run may have got is given back. */
async function letGo(story: RunStory, start: RunStart, ending: Ending | null): Promise<Rest> {
  await story.attempt("end: no slot", async () => {
    const intended = await findWorkspace(story.deps.db, start.workspaceId);
    if (intended === null) return;
    await story.node(intended.nodeId).release(start.workspaceId);
    await setWorkspaceState(story.deps.env, start.workspaceId, "destroyed");
  });
  await tellTranscript(story, start, ending, null);
  return nothing;
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
  await story.attempt("end: notice", () =>
    projectData(story.deps, task.projectId).addNotice(task.sessionId, noticeId, inSentences(said)),
  );
}
