/** Publishes a task to its project's viewers. Best effort: viewers read again what they missed. */
import { errorMessage } from "@samovar/base";
import type { TaskEvent } from "@samovar/contracts";
import type { TaskRecord } from "@samovar/domain/task-status";
import type { Deps } from "../deps.ts";
import { getProjectData } from "../sessions/durable-object/stub.ts";
import { viewTask } from "./view.ts";

export async function publishTask(deps: Deps, task: TaskRecord, events: readonly TaskEvent[]): Promise<void> {
  try {
    await getProjectData(deps, task.projectId).publishTask(await viewTask(deps, task), events);
  } catch (error) {
    deps.logger.warn("task.publish_failed", { taskId: task.id, error: errorMessage(error) });
  }
}
