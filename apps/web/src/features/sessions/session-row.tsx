/** One session in the list. What works is unmistakable: it turns, and says what it does. */
import type { SessionView, TaskView } from "@samovar/contracts";
import { Link } from "@tanstack/react-router";
import { clsx } from "clsx";
import { memo } from "react";
import { useUnread } from "./read-marks.ts";
import { Ago } from "../../ui/moment.tsx";
import { StatusIcon, labelStatus, type ShownStatus } from "../../ui/status-mark.tsx";
import { getSessionStatus, getShownStatus } from "../tasks/shown-status.ts";
import { visibleText } from "../../lib/visible-text.ts";

interface SessionRowProps {
  readonly session: SessionView;
  readonly task: TaskView | undefined;
  readonly onChoose: (() => void) | undefined;
}

const LIVELY: ReadonlySet<ShownStatus> = new Set(["queued", "delegated", "in_progress", "cancelling"]);

/** Of a thousand rows one changes at a time. */
export const SessionRow = memo(function SessionRow({ session, task, onChoose }: SessionRowProps) {
  const status = task === undefined ? getSessionStatus(session) : getShownStatus(task);
  const unread = useUnread(session);
  const lively = LIVELY.has(status);
  return (
    <Link
      to="/p/$project/s/$session"
      params={{ project: session.projectId, session: session.id }}
      onClick={onChoose}
      className="flex gap-2 rounded-md px-2.5 py-2 text-ui hover:bg-inset aria-[current=page]:bg-accent-tint"
      activeProps={{ "aria-current": "page" }}
    >
      <span className="mt-0.5">
        <StatusIcon status={status} />
      </span>
      <span className="min-w-0 flex-1">
        <span className={clsx("line-clamp-2 wrap-anywhere", unread > 0 && "font-medium")}>
          {visibleText(session.topic ?? task?.title ?? "Untitled")}
        </span>
        <span className="flex items-center gap-2 text-small text-ink-3">
          <span className={clsx("min-w-0 truncate", lively && "text-working")}>
            <span className={clsx(lively && "font-medium")}>{labelStatus(status)}</span>
            {status === "in_progress" && session.activity !== null && ` · ${visibleText(session.activity.text)}`}
          </span>
          <span className="ms-auto shrink-0">
            <Ago at={session.lastMessageAt ?? session.startedAt} />
          </span>
          {unread > 0 && <Unread count={unread} />}
        </span>
      </span>
    </Link>
  );
});

function Unread({ count }: { readonly count: number }) {
  return (
    <span className="shrink-0 rounded-full bg-accent px-1.5 text-xs leading-4.5 font-medium text-on-accent tabular-nums">
      {count > 99 ? "99+" : count}
      <span className="sr-only"> new</span>
    </span>
  );
}
