/** The changes are a part of the session's address: a link opens them, and Back closes them. */
import type { TaskView } from "@samovar/contracts";
import { useNavigate, useRouter, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useAction } from "../../keys/actions.tsx";

export function useChangesPanel(task: TaskView) {
  const { panel } = useSearch({ strict: false });
  const navigate = useNavigate();
  const router = useRouter();
  const [openedHere, setOpenedHere] = useState(false);
  const possible = task.workspaceId !== null && task.output?.diffStat?.files !== 0;
  const to = { to: "/p/$project/s/$session", params: { project: task.projectId, session: task.sessionId } } as const;
  const open = () => {
    setOpenedHere(true);
    void navigate({ ...to, search: (before) => ({ ...before, panel: "changes" as const }) });
  };
  const close = () => {
    if (openedHere) router.history.back();
    else void navigate({ ...to, search: ({ msg }) => (msg === undefined ? {} : { msg }), replace: true });
    setOpenedHere(false);
  };
  const shown = possible && panel === "changes";
  useAction("session.changes", shown ? close : open, possible);
  return { possible, shown, openedHere, open, close };
}
