/** What a project's tab says before its name: that something works, and how many sessions hold something new. Pure. */
import type { SessionView, TaskView } from "@samovar/contracts";
import { countUnread, type ReadMarks } from "./read-marks.ts";
import { isRunning } from "../tasks/shown-status.ts";

export function toTitleMark(
  sessions: readonly SessionView[],
  tasks: readonly TaskView[],
  marks: Pick<ReadMarks, "read" | "since">,
): string {
  const unread = sessions.filter((session) => countUnread(marks, session) > 0).length;
  return [tasks.some(({ status }) => isRunning(status)) ? "●" : "", unread === 0 ? "" : `${unread}`]
    .filter((part) => part !== "")
    .join(" ");
}
