/** One message of the transcript, by its kind. Only the message that changed is rendered again. */
import { assertNever } from "@samovar/base";
import type { MessageView } from "@samovar/contracts";
import { clsx } from "clsx";
import { Info } from "lucide-react";
import { memo, type ReactNode } from "react";
import { Markdown } from "../../ui/markdown/markdown.tsx";
import { Marks } from "./marks.tsx";
import { MessageActions } from "./message-actions.tsx";
import { PlanRow } from "./plan-row.tsx";
import { ThoughtRow } from "./thought-row.tsx";

const LONG_CHARS = 2_000;
const LONG_LINES = 24;

interface MessageRowProps {
  readonly message: MessageView;
  /** Whether its session may still make it grow. */
  readonly live: boolean;
  readonly open: boolean;
  readonly onToggle: (id: string) => void;
}

export const MessageRow = memo(function MessageRow({ message, live, open, onToggle }: MessageRowProps) {
  return (
    <>
      <Body message={message} live={live && !message.final} open={open} onToggle={onToggle} />
      <Marks message={message} />
      <MessageActions message={message} />
    </>
  );
});

function Body({ message, live, open, onToggle }: MessageRowProps): ReactNode {
  switch (message.kind) {
    case "text":
      if (message.role !== "user") return <Markdown text={message.content} live={live} />;
      return <Said text={message.content} open={open} onToggle={() => onToggle(message.messageId)} />;
    case "thought":
      return <ThoughtRow text={message.content} live={live} open={open} onToggle={() => onToggle(message.messageId)} />;
    case "plan":
      return <PlanRow content={message.content} />;
    case "notice":
      return <Notice text={message.content} />;
    case "tool":
      return null;
    default:
      return assertNever(message.kind, "message kind");
  }
}

interface SaidProps {
  readonly text: string;
  readonly open: boolean;
  readonly onToggle: () => void;
}

/** A person's message; only the beginning of a long one is shown at first. */
function Said({ text, open, onToggle }: SaidProps) {
  const long = text.length > LONG_CHARS || text.split("\n", LONG_LINES + 1).length > LONG_LINES;
  const folded = long && !open;
  return (
    <div className="rounded-lg bg-inset px-3.5 py-2.5">
      <div className={clsx(folded && "max-h-60 overflow-hidden mask-b-from-75%")} inert={folded}>
        <Markdown text={folded ? text.slice(0, LONG_CHARS) : text} live={false} />
      </div>
      {long && (
        <button
          type="button"
          aria-expanded={open}
          onClick={onToggle}
          className="mt-1 text-small text-accent underline pointer-coarse:min-h-11"
        >
          {open ? "Show less" : "Show all"}
        </button>
      )}
    </div>
  );
}

function Notice({ text }: { readonly text: string }) {
  return (
    <div className="flex gap-2 rounded-md border border-hairline px-3 py-2 text-ui text-ink-2">
      <Info size={16} className="mt-0.5 shrink-0" aria-hidden="true" />
      <Markdown text={text} live={false} />
    </div>
  );
}

/** The name of an article in the feed. */
export function labelMessage(message: MessageView): string {
  switch (message.kind) {
    case "text":
      return message.role === "user" ? "You" : "Agent";
    case "thought":
      return "Thought";
    case "plan":
      return "Plan";
    case "tool":
      return `Tool: ${message.toolMetadata?.title ?? "call"}`.slice(0, 120);
    case "notice":
      return "Notice";
    default:
      return assertNever(message.kind, "message kind");
  }
}
