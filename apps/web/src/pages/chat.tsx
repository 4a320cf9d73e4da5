/** The chat of a project: its sessions at the side, one of them (or a new task) in the middle, the composer beneath. */
import type { TaskView } from "@samovar/contracts";
import { useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { Composer } from "../features/composer/composer.tsx";
import { Sidebar } from "../features/sessions/sidebar.tsx";
import { patchTask } from "../api/live/feed.ts";
import { SidePanelPlace } from "../ui/side-panel.tsx";
import { useProject } from "../api/use-project.ts";
import { visibleText } from "../lib/visible-text.ts";

/** A task that was taken and is not on the page. */
interface Stored {
  readonly task: TaskView;
  readonly run: boolean;
}

export function Chat() {
  const project = useProject();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [stored, setStored] = useState<Stored | null>(null);
  const accepted = (task: TaskView, run: boolean, isHere: boolean) => {
    patchTask(client, project.id, task, []);
    const goes = run && isHere;
    setStored(goes ? null : { task, run });
    if (!goes) return;
    void navigate({ to: "/p/$project/s/$session", params: { project: project.id, session: task.sessionId } });
  };
  return (
    <div className="flex min-h-0 flex-1 flex-col tablet:flex-row">
      <Sidebar project={project} />
      <SidePanelPlace>
        <main className="flex min-h-0 min-w-0 flex-1 flex-col">
          <Outlet />
          <p role="status" className="mx-auto w-full max-w-190 px-4 text-small text-ink-2 empty:hidden">
            {stored !== null && (
              <>
                {stored.run ? "Running" : "Saved to backlog"}:{" "}
                <Link
                  to="/p/$project/s/$session"
                  params={{ project: project.id, session: stored.task.sessionId }}
                  className="text-accent underline"
                >
                  {visibleText(stored.task.title)}
                </Link>
              </>
            )}
          </p>
          <Composer key={project.id} project={project} onAccepted={accepted} />
        </main>
      </SidePanelPlace>
    </div>
  );
}
