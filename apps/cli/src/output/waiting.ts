/** Formats why a task does not run yet, as a label and as a sentence. */
import type { TaskWaiting } from "@samovar/contracts";
import { assertNever } from "@samovar/base";
import { toSafeText } from "./safe-text.ts";
import { formatCount } from "./units.ts";

/** A label for a column. */
export function labelWaiting({ code, ahead, taskIds }: TaskWaiting): string {
  switch (code) {
    case "capacity":
      return ahead === 0 ? "waiting for capacity, next" : `waiting for capacity, ${ahead} ahead`;
    case "dependencies":
      return `waiting for ${formatCount(taskIds.length, "task")}`;
    case "dependency_failed":
      return "blocked by a failed task";
    default:
      return assertNever(code);
  }
}

/** The control plane's sentence, without its full stop. */
export function formatWaiting(waiting: TaskWaiting): string {
  return toSafeText(waiting.message).trim().replace(/\.$/, "");
}
