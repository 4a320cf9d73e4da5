/** Tasks on their way or not sent: the text, what is known of it, and what can be done. */
import type { ProjectId } from "@samovar/base";
import type { CreateTask, TaskView } from "@samovar/contracts";
import { Link } from "@tanstack/react-router";
import { CircleAlert } from "lucide-react";
import { useStore } from "zustand";
import type { Submission } from "./submissions.ts";
import { Button } from "../../ui/button.tsx";
import { HalfCircle } from "../../ui/status-mark.tsx";
import { useStillHere } from "../../ui/use-still-here.ts";
import { visibleText } from "../../lib/visible-text.ts";
import { useSubmissions } from "./use-submissions.ts";

interface PendingProps {
  readonly project: ProjectId;
  readonly onAccepted: (task: TaskView, run: boolean, isHere: boolean) => void;
  readonly onEdit: (task: CreateTask) => void;
}

export function PendingSubmissions({ project, onAccepted, onEdit }: PendingProps) {
  const store = useSubmissions();
  const markPlace = useStillHere();
  const pending = useStore(store, (state) => state.pending).filter((submission) => submission.project === project);
  const { retry, drop } = store.getState();
  const again = async ({ key, task }: Submission) => {
    const isStillHere = markPlace();
    const accepted = await retry(key);
    if (accepted !== null) onAccepted(accepted, task.run === true, isStillHere());
  };
  return pending.map((submission) => (
    <article
      key={submission.key}
      aria-label="Unsent task"
      className="rounded-lg border border-hairline bg-inset px-3.5 py-2.5 text-ui"
    >
      <p className="line-clamp-3 whitespace-pre-wrap wrap-anywhere">{visibleText(submission.task.description)}</p>
      <div role="status" className="mt-1.5 flex flex-wrap items-center gap-2 text-small">
        <Word submission={submission} />
        {submission.state !== "sending" && (
          <span className="ms-auto flex gap-1">
            <Button onClick={() => void again(submission)}>Retry</Button>
            <Button
              kind="quiet"
              onClick={() => {
                onEdit(submission.task);
                drop(submission.key);
              }}
            >
              Edit
            </Button>
            <Button kind="quiet" onClick={() => drop(submission.key)}>
              Delete
            </Button>
          </span>
        )}
      </div>
    </article>
  ));
}

function Word({ submission }: { readonly submission: Submission }) {
  if (submission.state === "sending") {
    return (
      <span className="inline-flex items-center gap-1.5 text-ink-2">
        <HalfCircle size={14} className="text-working" />
        Sending…
      </span>
    );
  }
  const known = submission.state === "failed";
  const settings = submission.error?.settings;
  return (
    <span className="inline-flex min-w-0 gap-1.5 text-failed">
      <CircleAlert size={15} className="mt-0.5 shrink-0" aria-hidden="true" />
      <span className="wrap-anywhere">
        {known
          ? `Not sent. ${visibleText(submission.error?.message ?? "")}`
          : "The page was closed before Samovar answered. You can safely retry: the task won't run twice."}
        {settings != null && (
          <>
            {" "}
            <Link to={settings} className="underline">
              Open settings
            </Link>
          </>
        )}
      </span>
    </span>
  );
}
