/** The changes are a part of the session's address: a link opens them, and Back closes them. */
import type { TaskView } from "@samovar/contracts";
import { type AnyRouter, useNavigate, useRouter, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useAction } from "../../shortcuts/actions.tsx";

export function useChangesPanel(task: TaskView) {
  const { panel } = useSearch({ strict: false });
  const navigate = useNavigate();
  const router = useRouter();
  /** The history entry that opening it created; null if it was open from the start. */
  const [openedAs, setOpenedAs] = useState<number | null>(null);
  const possible = task.workspaceId !== null && task.output?.diffStat?.files !== 0;
  const to = { to: "/p/$project/s/$session", params: { project: task.projectId, session: task.sessionId } } as const;
  const open = () => {
    setOpenedAs(getHistoryIndex(router) + 1);
    void navigate({ ...to, search: (before) => ({ ...before, panel: "changes" as const }) });
  };
  const close = () => {
    // The person may have navigated on meanwhile: then a step back would lead elsewhere.
    if (openedAs === getHistoryIndex(router)) router.history.back();
    else void navigate({ ...to, search: ({ msg }) => (msg === undefined ? {} : { msg }), replace: true });
    setOpenedAs(null);
  };
  const shown = possible && panel === "changes";
  useAction("session.changes", shown ? close : open, possible);
  return { possible, shown, openedHere: openedAs !== null, open, close };
}

// oxlint-disable-next-line no-underscore-dangle -- the router's own name
const getHistoryIndex = (router: AnyRouter) => router.history.location.state.__TSR_index;
