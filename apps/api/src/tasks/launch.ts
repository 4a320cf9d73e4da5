/**
 * What a run needs besides its task's row: the session with the first message, and the workflow. Both steps may be
 * repeated, so an interruption between them is repaired by doing both again. Keeps T1.
 */
import { errorMessage, systemClock, systemRandom, systemTimers } from "@samovar/base";
import type { RunId } from "@samovar/base";
import type { TaskRecord } from "@samovar/domain/task-status";
import type { Deps } from "../deps.ts";
import { getProjectData } from "../sessions/durable-object/stub.ts";
import { RunStarts } from "./run-starts.ts";

const runStarts = new RunStarts({ clock: systemClock, timers: systemTimers, random: systemRandom });

export async function ensureSession(deps: Deps, task: TaskRecord): Promise<void> {
  const { projectId, sessionId, promptMessageId: messageId } = task;
  await getProjectData(deps, projectId).createSession({
    projectId,
    sessionId,
    taskId: task.id,
    firstMessage: { messageId, text: task.description },
  });
}

/** Creates the run's workflow, whose id is the run's, once. */
export async function ensureRun({ env, config, logger }: Deps, task: TaskRecord, runId: RunId): Promise<void> {
  // A batch skips an instance that exists already; a single creation would throw.
  const { created, errors } = await runStarts.run(config.CONCURRENT_RUN_STARTS, () =>
    env.TASK_RUN.createBatch({ instances: [{ id: runId, params: { taskId: task.id, runId } }] }),
  );
  if (created.length > 0 || (await readRunStatus(env, runId)) !== null) return;
  const reason = errors[0]?.message ?? "no reason was given";
  logger.error("run.create_failed", { taskId: task.id, runId, reason });
  throw new Error(`run ${runId} could not be created: ${reason}`);
}

/** Null if the run has no workflow. */
export async function readRunStatus(env: Deps["env"], runId: RunId): Promise<InstanceStatus["status"] | null> {
  try {
    const instance = await env.TASK_RUN.get(runId);
    return (await instance.status()).status;
  } catch (error) {
    if (/not.?found|does not exist/i.test(errorMessage(error))) return null;
    throw error;
  }
}

/** Wakes a run, which reads the facts again. A lost signal costs the run half a minute, or a quarter of an hour in the queue. */
export async function signalRun({ env, logger }: Pick<Deps, "env" | "logger">, runId: RunId): Promise<void> {
  try {
    await (await env.TASK_RUN.get(runId)).sendEvent({ type: "signal", payload: {} });
  } catch (error) {
    logger.warn("run.signal_failed", { runId, error: errorMessage(error) });
  }
}
