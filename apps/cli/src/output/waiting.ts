/** Why a task does not run yet, in few words and in more. */
import type { TaskWaiting } from "@samovar/contracts";
import { assertNever } from "@samovar/base";
import { safeText } from "./safe-text.ts";
import { count } from "./units.ts";

/** For a column. */
export function waitingWords({ code, ahead, taskIds }: TaskWaiting): string {
  switch (code) {
    case "capacity":
      return ahead === 0 ? "waits for room, next" : `waits for room, ${ahead} before it`;
    case "dependencies":
      return `waits for ${count(taskIds.length, "task")}`;
    case "dependency_failed":
      return "blocked by a failed task";
    default:
      return assertNever(code);
  }
}

/** The control plane's own sentence, without its full stop. */
export function waitingSentence(waiting: TaskWaiting): string {
  return safeText(waiting.message).trim().replace(/\.$/, "");
}
