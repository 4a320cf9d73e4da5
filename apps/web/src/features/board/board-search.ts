/** What the board's address says: which card is chosen, and what is filtered. */
import { taskId } from "@samovar/contracts";
import type { TaskId } from "@samovar/base";

export interface BoardSearch {
  readonly task?: TaskId;
  /** A part of the title or the text. */
  readonly filter?: string;
  /** 0 none, 1 urgent … 4 low. */
  readonly priority?: number;
}

/** Whatever is not understood is left out. */
export function readBoardSearch(search: Readonly<Record<string, unknown>>): BoardSearch {
  const { task, filter, priority } = search;
  const chosen = taskId.safeParse(task).data;
  return {
    ...(chosen === undefined ? {} : { task: chosen }),
    ...(typeof filter === "string" && filter !== "" ? { filter: filter.slice(0, 200) } : {}),
    ...(typeof priority === "number" && Number.isInteger(priority) && priority >= 0 && priority <= 4
      ? { priority }
      : {}),
  };
}
