/**
 * What must exist beside a task's row before its run can go: the session with the text, and the workflow.
 * Both steps may be repeated, so whatever was cut off between them is mended by doing them again. Keeps T1.
 */
import { errorMessage } from "@samovar/base";
import type { RunId } from "@samovar/base";
import type { TaskRecord } from "@samovar/domain/task-status";
import type { Deps } from "../deps.ts";
import { projectData } from "../sessions/durable-object/stub.ts";

export async function ensureSession(deps: Deps, task: TaskRecord): Promise<void> {
  const { projectId, sessionId, promptMessageId: messageId } = task;
  await projectData(deps, projectId).createSession({
    projectId,
    sessionId,
    taskId: task.id,
    firstMessage: { messageId, text: task.description },
  });
}

/** The run's workflow is created once, however often this is called; its id is the run's. */
export async function ensureRun({ env, logger }: Deps, task: TaskRecord, runId: RunId): Promise<void> {
  // A batch answers that an instance exists already; a single creation would throw for it.
  const { created, errors } = await env.TASK_RUN.createBatch({
    instances: [{ id: runId, params: { taskId: task.id, runId } }],
  });
  if (created.length > 0 || (await runStatus(env, runId)) !== null) return;
  const reason = errors[0]?.message ?? "no reason was given";
  logger.error("run.create_failed", { taskId: task.id, runId, reason });
  throw new Error(`run ${runId} could not be created: ${reason}`);
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

/** Asks a run to look again. Losing this costs the run half a minute; one that waits in line a quarter of an hour. */
export async function nudgeRun({ env, logger }: Pick<Deps, "env" | "logger">, runId: RunId): Promise<void> {
  try {
    await (await env.TASK_RUN.get(runId)).sendEvent({ type: "nudge", payload: {} });
  } catch (error) {
    logger.warn("run.nudge_failed", { runId, error: errorMessage(error) });
  }
}
