/** A tool call: one line that opens to what went in, what came out and what changed. */
import type { MessageView, ToolMetadata, ToolStatus } from "@samovar/contracts";
import { CircleCheck, CircleDashed, OctagonX, Unplug } from "lucide-react";
import { CopyButton } from "../../ui/copy-button.tsx";
import { HalfCircle } from "../../ui/status-mark.tsx";
import { DiffLines } from "./diff-lines.tsx";
import { Fold } from "./fold.tsx";
import { terminalText } from "./terminal-text.ts";
import { visibleText } from "./visible-text.ts";

interface ToolRowProps {
  readonly message: MessageView;
  /** Whether it may still go on. */
  readonly live: boolean;
  readonly open: boolean;
  readonly onToggle: () => void;
}

/** `broken off`: its session ended before it did. */
type ShownToolStatus = ToolStatus | "broken off";

const STATUS_WORDS: Readonly<Record<ShownToolStatus, string>> = {
  pending: "waiting",
  running: "running",
  success: "succeeded",
  error: "failed",
  "broken off": "broken off",
};

export function ToolRow({ message, live, open, onToggle }: ToolRowProps) {
  const { toolMetadata: tool } = message;
  if (tool === null)
    return <pre className="overflow-x-auto font-mono text-code whitespace-pre-wrap">{message.content}</pre>;
  const unfinished = tool.status === "pending" || tool.status === "running";
  const brokenOff = unfinished && (message.interrupted || !live);
  return (
    <Fold
      open={open}
      onToggle={onToggle}
      line={<ToolLine tool={tool} status={brokenOff ? "broken off" : tool.status} />}
    >
      <ToolDetails tool={tool} content={message.content} />
    </Fold>
  );
}

function ToolLine({ tool, status }: { readonly tool: ToolMetadata; readonly status: ShownToolStatus }) {
  const title = visibleText(tool.title) || tool.tool;
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
  if (status === "broken off") return status;
  const files = tool.diffs?.length ?? 0;
  return files > 1 ? `${files} files` : "";
}

function ToolMark({ status }: { readonly status: ShownToolStatus }) {
  return (
    <>
      {status === "pending" && <CircleDashed size={16} className="shrink-0 text-ink-3" aria-hidden="true" />}
      {status === "running" && <HalfCircle size={16} className="text-working" />}
      {status === "success" && <CircleCheck size={16} className="shrink-0 text-done" aria-hidden="true" />}
      {status === "broken off" && <Unplug size={16} className="shrink-0 text-working" aria-hidden="true" />}
      {status === "error" && <OctagonX size={16} className="shrink-0 text-failed" aria-hidden="true" />}
      <span className="sr-only">{STATUS_WORDS[status]}: </span>
    </>
  );
}

function ToolDetails({ tool, content }: { readonly tool: ToolMetadata; readonly content: string }) {
  const output = terminalText(tool.output ?? content);
  const input = tool.input === undefined ? "" : inputText(tool.input);
  const diffs = tool.diffs ?? [];
  const empty = input === "" && output === "" && diffs.length === 0;
  return (
    <div className="flex flex-col gap-3">
      {tool.target !== null && <Part label="Target" text={visibleText(tool.target)} />}
      {input !== "" && <Part label="Input" text={input} />}
      {diffs.map((diff, index) => (
        <DiffLines key={index} diff={diff} />
      ))}
      {output !== "" && (
        <Part label={typeof tool.exitCode === "number" ? `Output, exit ${tool.exitCode}` : "Output"} text={output} />
      )}
      {empty && <p className="text-small text-ink-3">It has said nothing yet.</p>}
      {tool.truncated === true && <p className="text-small text-working">Parts of this were too long and are cut.</p>}
    </div>
  );
}

function Part({ label, text }: { readonly label: string; readonly text: string }) {
  return (
    <div className="min-w-0">
      <div className="flex items-center justify-between text-small text-ink-3">
        {label}
        <CopyButton text={text} label={`Copy ${label.toLowerCase()}`} />
      </div>
      <pre
        tabIndex={0}
        aria-label={label}
        className="max-h-96 overflow-auto rounded bg-inset px-2.5 py-2 font-mono text-code whitespace-pre-wrap wrap-anywhere"
      >
        {text}
      </pre>
    </div>
  );
}

/** JSON is laid out; a lone `command` is shown as the command. */
function inputText(input: string): string {
  try {
    const value: unknown = JSON.parse(input);
    if (typeof value === "string") return visibleText(value);
    if (typeof value === "object" && value !== null && "command" in value && typeof value.command === "string") {
      return visibleText(value.command);
    }
    return visibleText(JSON.stringify(value, null, 2));
  } catch {
    return visibleText(input);
  }
}
