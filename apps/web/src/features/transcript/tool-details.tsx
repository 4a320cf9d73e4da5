/** What an open tool call shows: input, changes, output. */
import type { MessageView, ToolMetadata } from "@samovar/contracts";
import { useState, type ReactNode } from "react";
import { CopyButton } from "../../ui/copy-button.tsx";
import { CodeHtml } from "../../ui/code/code-html.tsx";
import { useHighlight } from "../../ui/code/use-highlight.ts";
import { formatMoment } from "../../lib/format-time.ts";
import { CopyLink } from "./message-actions.tsx";
import { DiffLines } from "../../ui/diff/diff-lines.tsx";
import { Fold } from "../../ui/fold.tsx";
import { Output } from "./output.tsx";
import { toTerminalText } from "./terminal-text.ts";
import { parseToolInput } from "./tool-input.ts";
import { visibleText } from "../../lib/visible-text.ts";

export function ToolDetails({ message, tool }: { readonly message: MessageView; readonly tool: ToolMetadata }) {
  const output = tool.output ?? message.content;
  const said = toTerminalText(output);
  const diffs = tool.diffs ?? [];
  const empty = tool.input === undefined && said === "" && diffs.length === 0;
  return (
    <div className="flex flex-col gap-3">
      {tool.target !== null && <Target target={visibleText(tool.target)} />}
      {tool.input !== undefined && diffs.length === 0 && <Input input={tool.input} />}
      {diffs.map((diff, index) => (
        <DiffLines key={index} diff={diff} />
      ))}
      {said !== "" && (
        <Part label={typeof tool.exitCode === "number" ? `Output, exit ${tool.exitCode}` : "Output"} text={said}>
          <Output output={output} label="Output" />
        </Part>
      )}
      {tool.input !== undefined && diffs.length > 0 && <FoldedInput input={tool.input} />}
      {empty && <p className="text-small text-ink-3">No output yet.</p>}
      {tool.truncated === true && <p className="text-small text-working">Some of this is truncated.</p>}
      <p className="-mb-2 flex items-center gap-2 text-small text-ink-3">
        <time dateTime={new Date(message.createdAt).toISOString()}>{formatMoment(message.createdAt)}</time>
        <CopyLink message={message} />
      </p>
    </div>
  );
}

function Target({ target }: { readonly target: string }) {
  return (
    <p className="flex min-w-0 items-center gap-1 text-small text-ink-3">
      <code className="min-w-0 font-mono text-code wrap-anywhere">{target}</code>
      <CopyButton text={target} label="Copy target" />
    </p>
  );
}

function Input({ input }: { readonly input: string }) {
  const { text, language } = parseToolInput(input);
  const lines = useHighlight(text, language);
  if (text === "" || text === "{}") return null;
  return (
    <Part label="Input" text={text}>
      <pre
        tabIndex={0}
        aria-label="Input"
        className="max-h-[60vh] overflow-auto rounded bg-inset px-2.5 py-2 font-mono text-code whitespace-pre-wrap wrap-anywhere"
      >
        {lines === null ? text : <CodeHtml html={lines.join("\n")} />}
      </pre>
    </Part>
  );
}

/** Of an edit it says what the change says already. */
function FoldedInput({ input }: { readonly input: string }) {
  const [open, setOpen] = useState(false);
  return (
    <Fold open={open} onToggle={() => setOpen(!open)} line={<span className="text-small text-ink-3">Raw input</span>}>
      <Input input={input} />
    </Fold>
  );
}

interface PartProps {
  readonly label: string;
  readonly text: string;
  readonly children: ReactNode;
}

function Part({ label, text, children }: PartProps) {
  return (
    <div className="min-w-0">
      <div className="flex items-center justify-between text-small text-ink-3">
        {label}
        <CopyButton text={text} label={`Copy ${label.toLowerCase()}`} />
      </div>
      {children}
    </div>
  );
}
