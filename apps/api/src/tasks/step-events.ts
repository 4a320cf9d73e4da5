/** The step events of a task's runs, from which durations are computed. */
import type { TaskId } from "@samovar/base";
import type { TaskEvent } from "@samovar/contracts";
import { and, asc, eq, inArray } from "drizzle-orm";
import type { Database } from "../database/index.ts";
import { taskEvents } from "../database/schema.ts";
import { toEventView } from "./store.ts";

/** In order, with changes of status, because an end interrupts the current step. */
export async function stepEvents(db: Database, taskId: TaskId): Promise<TaskEvent[]> {
  const kinds = ["step.started", "step.finished", "status.changed"] as const satisfies readonly TaskEvent["kind"][];
  const rows = await db
    .select()
    .from(taskEvents)
    .where(and(eq(taskEvents.taskId, taskId), inArray(taskEvents.kind, kinds)))
    .orderBy(asc(taskEvents.seq));
  return rows.map(toEventView);
}
