/**
 * The panel of a task's changes: beside the transcript where there is room for both, and over the page for those who
 * enlarge it. Loaded when it is opened.
 */
import type { TaskView } from "@samovar/contracts";
import { Maximize2, PanelRight } from "lucide-react";
import { useState } from "react";
import { openBrowserText } from "../../lib/stored-text.ts";
import { IconButton } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { SidePanel } from "../../ui/side-panel.tsx";
import { useDesktop } from "../../ui/use-window.ts";
import { visibleText } from "../../lib/visible-text.ts";
import { BesideContext, TaskChanges } from "./task-changes.tsx";

const SHEET =
  "top-0! right-0! bottom-0! left-auto! m-0! h-dvh! max-h-none! w-full! max-w-280! rounded-none! border-y-0! border-e-0!";

const keptEnlarged = openBrowserText("changes.enlarged");

interface ChangesPanelProps {
  readonly task: TaskView;
  /** Whether it was opened just now. */
  readonly focused: boolean;
  readonly onClose: () => void;
}

export function ChangesPanel({ task, focused, onClose }: ChangesPanelProps) {
  const desktop = useDesktop();
  const [enlarged, setEnlarged] = useState(() => keptEnlarged.read() === "yes");
  const enlarge = (next: boolean) => {
    keptEnlarged.write(next ? "yes" : "");
    setEnlarged(next);
  };
  const about = { title: "Changes", description: visibleText(task.title), onClose };
  if (desktop && !enlarged) {
    const larger = (
      <IconButton label="Enlarge" onClick={() => enlarge(true)}>
        <Maximize2 size={15} aria-hidden="true" />
      </IconButton>
    );
    return (
      <SidePanel {...about} focused={focused} actions={larger}>
        <BesideContext value>
          <TaskChanges task={task} />
        </BesideContext>
      </SidePanel>
    );
  }
  const smaller = desktop && (
    <IconButton label="Show beside the transcript" onClick={() => enlarge(false)}>
      <PanelRight size={15} aria-hidden="true" />
    </IconButton>
  );
  return (
    <Dialog {...about} actions={smaller} className={SHEET}>
      <TaskChanges task={task} />
    </Dialog>
  );
}
