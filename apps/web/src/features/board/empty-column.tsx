/** What an empty column says: what comes here, and how. */
import type { ProjectId } from "@samovar/base";
import type { TaskStatus } from "@samovar/contracts";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

const WORDS: Readonly<Record<TaskStatus, string>> = {
  draft: "Tasks that you save to the backlog appear here.",
  ready: "Tasks that are ready to run. To move a draft here, drag it, press Shift+→ or use its menu.",
  queued: "",
  delegated: "",
  in_progress: "Nothing is running. Move a card here to run it on a node.",
  completed: "Completed tasks appear here with their branch and pull request.",
  failed: "Failed tasks appear here and say what to do. Move one to In progress to run it again.",
  cancelled: "Cancelled tasks appear here. You can run them again.",
};

export function EmptyColumn({
  status,
  filtered,
}: {
  readonly status: TaskStatus;
  readonly filtered: boolean;
}): ReactNode {
  return filtered ? "No tasks match the filter." : WORDS[status];
}

export function FirstTask({ project }: { readonly project: ProjectId }) {
  return (
    <p className="mx-4 mt-3 rounded-lg border border-hairline bg-raised px-4 py-3 text-ui">
      No tasks yet.{" "}
      <Link to="/p/$project/new" params={{ project }} className="text-accent underline">
        Describe one in chat
      </Link>{" "}
      or press <kbd className="rounded border border-hairline bg-inset px-1.5 font-sans text-xs">C</kbd>.
    </p>
  );
}
