/**
 * What must exist beside a task's row before its run can go: the session with the text, and the workflow.
 * Both steps may be repeated, so whatever was cut off between them is mended by doing them again. Keeps T1.
 */
import { errorMessage } from "@samovar/base";
import type { RunId } from "@samovar/base";
import type { TaskRecord } from "@samovar/domain/task-status";
import type { Deps } from "../deps.ts";
import { projectData } from "./publish.ts";

export async function ensureSession(deps: Deps, task: TaskRecord): Promise<void> {
  const { projectId, sessionId, promptMessageId: messageId } = task;
  await projectData(deps, projectId).createSession({
    projectId,
    sessionId,
    taskId: task.id,
    firstMessage: { messageId, text: task.description },
  });
}

/** The run's workflow is created once, whatever happens; its id is the run's. */
export async function ensureRun({ env, logger }: Deps, task: TaskRecord, runId: RunId): Promise<void> {
  try {
    await env.TASK_RUN.create({ id: runId, params: { taskId: task.id, runId } });
  } catch (error) {
    if (await runExists(env, runId)) return;
    logger.error("run.create_failed", { taskId: task.id, runId, error: errorMessage(error) });
    throw error;
  }
}

export async function runExists(env: Deps["env"], runId: RunId): Promise<boolean> {
  return (await runStatus(env, runId)) !== null;
}

/** Null when there is no workflow of this run. */
export async function runStatus(env: Deps["env"], runId: RunId): Promise<InstanceStatus["status"] | null> {
  try {
    const instance = await env.TASK_RUN.get(runId);
    return (await instance.status()).status;
  } catch (error) {
    if (/not.?found|does not exist/i.test(errorMessage(error))) return null;
    throw error;
  }
}

/** Asks a run to look again. Losing this costs the run half a minute, no more. */
export async function nudgeRun({ env, logger }: Deps, runId: RunId): Promise<void> {
  try {
    await (await env.TASK_RUN.get(runId)).sendEvent({ type: "nudge", payload: {} });
  } catch (error) {
    logger.warn("run.nudge_failed", { runId, error: errorMessage(error) });
  }
}
