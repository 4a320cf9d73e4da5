/** The Worker: its handlers, its objects and its workflow. */
import { createApp } from "./app.ts";
import type { Env } from "./env.ts";
import { NodeLifecycle as NodeLifecycleObject } from "./nodes/durable-object/node-lifecycle.ts";
import { runSweep } from "./sweep/sweep.ts";
import { onSpent } from "./tasks/spending.ts";
import { wakeQueue } from "./tasks/wake.ts";

export { ProjectData } from "./sessions/durable-object/project-data.ts";
export { TaskRun } from "./tasks/workflow/task-run.ts";

/** Nodes may not import tasks, so the node's object gets access to the queue and the runs here. */
export class NodeLifecycle extends NodeLifecycleObject {
  constructor(context: DurableObjectState, env: Env) {
    super(context, env, { wakeQueue, onSpent });
  }
}

const app = createApp();

export default {
  fetch: (request, env, context) => app.fetch(request, env, context),
  async scheduled(event, env) {
    await runSweep(env, event.scheduledTime);
  },
} satisfies ExportedHandler<Env>;
