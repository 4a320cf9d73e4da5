/** The Worker: its entry points, its objects and its workflow. Nothing else is exported from here. */
import { createApp } from "./app.ts";
import type { Env } from "./env.ts";
import { NodeLifecycle as NodeLifecycleObject } from "./nodes/durable-object/node-lifecycle.ts";
import { runSweep } from "./sweep/sweep.ts";
import { wakeLine } from "./tasks/wake.ts";

export { ProjectData } from "./sessions/durable-object/project-data.ts";
export { TaskRun } from "./tasks/workflow/task-run.ts";

/** Tasks stand above nodes, so a node's object is given the way to the queue here. */
export class NodeLifecycle extends NodeLifecycleObject {
  constructor(context: DurableObjectState, env: Env) {
    super(context, env, wakeLine);
  }
}

const app = createApp();

export default {
  fetch: (request, env, context) => app.fetch(request, env, context),
  async scheduled(event, env) {
    await runSweep(env, event.scheduledTime);
  },
} satisfies ExportedHandler<Env>;
