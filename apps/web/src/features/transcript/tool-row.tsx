/** A tool call: one line that opens to what went in, what came out and what changed. */
import type { MessageView, ToolMetadata } from "@samovar/contracts";
import { CircleCheck, CircleDashed, OctagonX, Unplug } from "lucide-react";
import { lazy, Suspense } from "react";
import { HalfCircle } from "../../ui/status-mark.tsx";
import { Fold } from "../../ui/fold.tsx";
import { SETUP_TOOL } from "./rows.ts";
import { getShownToolStatus, type ShownToolStatus } from "./steps.ts";
import { visibleText } from "../../lib/visible-text.ts";

/** Colours, diffs and all that is seen only of an open call come when the page is idle, or with the first one opened. */
export const fetchToolDetails = () => import("./tool-details.tsx");
const ToolDetails = lazy(async () => ({ default: (await fetchToolDetails()).ToolDetails }));

interface ToolRowProps {
  readonly message: MessageView;
  /** Whether it may still go on. */
  readonly live: boolean;
  readonly open: boolean;
  readonly onToggle: () => void;
  readonly framed?: boolean;
}

const STATUS_WORDS: Readonly<Record<ShownToolStatus, string>> = {
  pending: "waiting",
  running: "running",
  success: "succeeded",
  error: "failed",
  interrupted: "interrupted",
};

export function ToolRow({ message, live, open, onToggle, framed = true }: ToolRowProps) {
  const { toolMetadata: tool } = message;
  if (tool === null)
    return <pre className="overflow-x-auto font-mono text-code whitespace-pre-wrap">{message.content}</pre>;
  return (
    <Fold
      open={open}
      onToggle={onToggle}
      framed={framed}
      line={<ToolLine tool={tool} status={getShownToolStatus(message, live)} />}
    >
      <Suspense fallback={<p className="text-small text-ink-3">Loading…</p>}>
        <ToolDetails message={message} tool={tool} />
      </Suspense>
    </Fold>
  );
}

function ToolLine({ tool, status }: { readonly tool: ToolMetadata; readonly status: ShownToolStatus }) {
  const title = tool.tool === SETUP_TOOL ? `Workspace setup: ${tool.title}` : visibleText(tool.title) || tool.tool;
  const target = tool.target === null ? "" : visibleText(tool.target);
  return (
    <>
      <ToolMark status={status} />
      <span className="min-w-0 truncate">{title}</span>
      {target !== "" && !title.includes(target) && (
        <code className="hidden min-w-0 truncate font-mono text-code text-ink-3 tablet:inline">{target}</code>
      )}
      <span className="ms-auto shrink-0 text-small text-ink-3">{sideNote(tool, status)}</span>
    </>
  );
}

function sideNote(tool: ToolMetadata, status: ShownToolStatus): string {
  if (status === "error" && typeof tool.exitCode === "number") return `exit ${tool.exitCode}`;
  if (status === "error") return "failed";
  if (status === "interrupted") return status;
  const files = tool.diffs?.length ?? 0;
  return files > 1 ? `${files} files` : "";
}

function ToolMark({ status }: { readonly status: ShownToolStatus }) {
  return (
    <>
      {status === "pending" && <CircleDashed size={16} className="shrink-0 text-ink-3" aria-hidden="true" />}
      {status === "running" && <HalfCircle size={16} className="text-working" />}
      {status === "success" && <CircleCheck size={16} className="shrink-0 text-done" aria-hidden="true" />}
      {status === "interrupted" && <Unplug size={16} className="shrink-0 text-working" aria-hidden="true" />}
      {status === "error" && <OctagonX size={16} className="shrink-0 text-failed" aria-hidden="true" />}
      <span className="sr-only">{STATUS_WORDS[status]}: </span>
    </>
  );
}
