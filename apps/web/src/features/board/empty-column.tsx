/** What an empty column says: what comes here, and how. */
import type { ProjectId } from "@samovar/base";
import type { TaskStatus } from "@samovar/contracts";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

const WORDS: Readonly<Record<TaskStatus, string>> = {
  draft: "Ideas wait here until somebody says that they are ready. Save a task to the backlog and it appears.",
  ready: "Tasks that may run. Bring a draft here: drag it, press Shift and →, or use its menu.",
  queued: "",
  delegated: "",
  in_progress: "Nothing runs. Bring a card here to run it: it takes a machine.",
  completed: "Finished work comes here, with its branch and pull request.",
  failed: "Tasks that could not be finished come here and say what to do. Bring one to In progress to run it again.",
  cancelled: "Tasks that somebody stopped. They can run again.",
};

export function Teaching({ status, filtered }: { readonly status: TaskStatus; readonly filtered: boolean }): ReactNode {
  return filtered ? "Nothing here matches the filter." : WORDS[status];
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
