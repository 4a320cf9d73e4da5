/** What a task's events say of the steps of its runs: what durations are computed from. */
import type { TaskId } from "@samovar/base";
import type { TaskEvent } from "@samovar/contracts";
import { and, asc, eq, inArray } from "drizzle-orm";
import type { Database } from "../database/index.ts";
import { taskEvents } from "../database/schema.ts";
import { eventView } from "./store.ts";

/** In order; the changes of status are among them, since an end cuts off what was under way. */
export async function stepEvents(db: Database, taskId: TaskId): Promise<TaskEvent[]> {
  const kinds = ["step.started", "step.finished", "status.changed"] as const satisfies readonly TaskEvent["kind"][];
  const rows = await db
    .select()
    .from(taskEvents)
    .where(and(eq(taskEvents.taskId, taskId), inArray(taskEvents.kind, kinds)))
    .orderBy(asc(taskEvents.seq));
  return rows.map(eventView);
}
