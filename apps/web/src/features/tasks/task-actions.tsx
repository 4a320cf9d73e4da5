/** What can be done with a task: the one thing that is next as a button, the rest in a menu. Its questions come when asked. */
import type { TaskView, WorkspaceView } from "@samovar/contracts";
import { useNavigate } from "@tanstack/react-router";
import { Ellipsis, Play, RotateCcw, Square } from "lucide-react";
import { lazy, Suspense, useEffect, useState } from "react";
import { useProject } from "../../api/use-project.ts";
import { useAction } from "../../shortcuts/actions.tsx";
import { Button, IconButton } from "../../ui/button.tsx";
import { Menu, type MenuEntry } from "../../ui/menu.tsx";
import { shortcut } from "../../shortcuts/format-shortcut.ts";
import { fetchAhead } from "../../lib/when-idle.ts";
import { labelAcknowledge } from "./label-acknowledge.ts";
import { isRunning } from "./shown-status.ts";
import { useFollowUp } from "./use-follow-up.ts";
import { useTaskEdit } from "./use-task-edit.ts";
import type { useTaskAction } from "./use-task-action.ts";

const fetchDialogs = () => import("./task-dialogs.tsx");
const TaskDialogs = lazy(async () => ({ default: (await fetchDialogs()).TaskDialogs }));

export type TaskQuestion = "edit" | "cancel" | "delete";

interface TaskActionsProps {
  readonly task: TaskView;
  readonly workspace: WorkspaceView | null;
  readonly action: ReturnType<typeof useTaskAction>;
}

export function TaskActions({ task, workspace, action }: TaskActionsProps) {
  const project = useProject();
  const navigate = useNavigate();
  const [asked, setAsked] = useState<TaskQuestion | null>(null);
  useEffect(() => fetchAhead(fetchDialogs), []);
  const cancellable = isRunning(task.status) && !task.cancelRequested;
  const cancel = () => {
    // Before the agent works there is nothing to lose.
    if (task.status === "in_progress") setAsked("cancel");
    else action.mutate("cancel");
  };
  useAction("task.cancel", () => setAsked("cancel"), cancellable);
  const entries = useEntries(task, workspace, setAsked, action.mutate);
  return (
    <div className="flex shrink-0 gap-1">
      <Next task={task} busy={action.isPending} onCancel={cancel} onAct={action.mutate} />
      {entries.length > 0 && (
        <Menu
          trigger={
            <IconButton label="More actions">
              <Ellipsis size={16} aria-hidden="true" />
            </IconButton>
          }
          entries={entries}
        />
      )}
      {asked !== null && (
        <Suspense>
          <TaskDialogs
            question={asked}
            project={project}
            task={task}
            onCancelTask={() => action.mutate("cancel")}
            onDeleted={() => void navigate({ to: "/p/$project/new", params: { project: project.id }, replace: true })}
            onClose={() => setAsked(null)}
          />
        </Suspense>
      )}
    </div>
  );
}

interface NextProps {
  readonly task: TaskView;
  readonly busy: boolean;
  readonly onCancel: () => void;
  readonly onAct: (action: "run" | "retry") => void;
}

function Next({ task, busy, onCancel, onAct }: NextProps) {
  if (isRunning(task.status)) {
    return (
      <Button
        kind="danger"
        disabled={busy || task.cancelRequested}
        title={task.cancelRequested ? "Stopping the agent" : `Cancel task (${shortcut(".")})`}
        onClick={onCancel}
      >
        <Square size={14} aria-hidden="true" />
        {task.cancelRequested ? "Cancelling…" : "Cancel"}
      </Button>
    );
  }
  if (task.status === "draft" || task.status === "ready") {
    return (
      <Button kind="primary" disabled={busy} title="Uses a node, which costs money" onClick={() => onAct("run")}>
        <Play size={14} aria-hidden="true" />
        Run now
      </Button>
    );
  }
  if (task.status === "completed") return null;
  return (
    <Button disabled={busy} title="Run it in a new session on a node" onClick={() => onAct("retry")}>
      <RotateCcw size={14} aria-hidden="true" />
      Run again
    </Button>
  );
}

function useEntries(
  task: TaskView,
  workspace: WorkspaceView | null,
  ask: (question: TaskQuestion) => void,
  act: (action: "acknowledge" | "unacknowledge") => void,
): readonly MenuEntry[] {
  const navigate = useNavigate();
  const edit = useTaskEdit(task);
  const followUp = useFollowUp(task);
  const entries: MenuEntry[] = [];
  const add = (label: string, onSelect: () => void) => entries.push({ kind: "action", label, onSelect });
  if (task.status === "draft") add("Mark as ready", () => edit.mutate({ status: "ready" }));
  if (task.status === "ready") add("Move back to draft", () => edit.mutate({ status: "draft" }));
  if (task.status === "draft" || task.status === "ready") {
    add("Edit…", () => ask("edit"));
    if (task.attempt === 0) add("Delete…", () => ask("delete"));
  }
  if (task.status === "queued" && !task.cancelRequested) add("Change queue position…", () => ask("edit"));
  if (workspace !== null && isThere(workspace.state))
    add("Open workspace", () => {
      void navigate({
        to: "/p/$project/w/$workspace",
        params: { project: task.projectId, workspace: workspace.id },
      });
    });
  if (task.endedAt !== null) add("Start a follow-up", followUp);
  if (task.status === "failed")
    entries.push({
      kind: "action",
      ...labelAcknowledge(task.acknowledged),
      onSelect: () => act(task.acknowledged ? "unacknowledge" : "acknowledge"),
    });
  return entries;
}

const isThere = (state: WorkspaceView["state"]): boolean =>
  state === "ready" || state === "busy" || state === "retained";
