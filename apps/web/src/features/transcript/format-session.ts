/** A transcript as plain text: who said what, when; calls with what went in and came out. Pure. */
import { assertNever } from "@samovar/base";
import type { FileDiff, MessageView, ToolMetadata } from "@samovar/contracts";
import { formatMoment } from "../../lib/format-time.ts";
import { lineDiff } from "@samovar/domain/line-diff";
import { parsePlan } from "./plan-row.tsx";
import { toTerminalText } from "./terminal-text.ts";
import { parseToolInput } from "./tool-input.ts";
import { visibleText } from "../../lib/visible-text.ts";

export function formatSession(messages: readonly MessageView[]): string {
  return messages.map((message) => `${formatHead(message)}\n${formatBody(message)}\n`).join("\n");
}

function formatHead(message: MessageView): string {
  const marks = [
    ...(message.interrupted ? ["interrupted"] : []),
    ...(message.truncated === null ? [] : [`truncated from ${message.truncated.bytes} bytes`]),
  ];
  return [`── ${formatAuthor(message)}`, formatMoment(message.createdAt), ...marks].join(" · ");
}

function formatAuthor({ kind, role, toolMetadata }: MessageView): string {
  switch (kind) {
    case "text":
      return role === "user" ? "You" : "Agent";
    case "thought":
      return "Thought";
    case "plan":
      return "Plan";
    case "notice":
      return "Notice";
    case "tool":
      return `Tool: ${visibleText(toolMetadata?.title ?? "call")} (${toolMetadata?.status ?? "unknown"})`;
    default:
      return assertNever(kind, "message kind");
  }
}

function formatBody({ kind, content, toolMetadata }: MessageView): string {
  if (kind === "plan") return planText(content);
  return toolMetadata === null ? visibleText(content) : toolText(toolMetadata, content);
}

function planText(content: string): string {
  const marks = { pending: "[ ]", in_progress: "[>]", completed: "[x]" } as const;
  const entries = parsePlan(content);
  return entries === null
    ? visibleText(content)
    : entries.map((entry) => `${marks[entry.status]} ${visibleText(entry.content)}`).join("\n");
}

function toolText(tool: ToolMetadata, content: string): string {
  const input = tool.input === undefined ? "" : parseToolInput(tool.input).text;
  const output = toTerminalText(tool.output ?? content);
  const exit = typeof tool.exitCode === "number" ? [`exit ${tool.exitCode}`] : [];
  return [
    ...(input === "" ? [] : [`> ${input.replaceAll("\n", "\n> ")}`]),
    ...(tool.diffs ?? []).map(diffText),
    ...(output === "" ? [] : [output.replace(/\n$/, "")]),
    ...exit,
  ].join("\n");
}

function diffText(diff: FileDiff): string {
  const signs = { same: " ", removed: "-", added: "+" } as const;
  const parts = lineDiff(diff.oldText, diff.newText).parts.map(({ kind, lines }) =>
    kind === "gap"
      ? `@@ ${lines.length} unchanged lines @@`
      : lines.map((line) => `${signs[line.kind]}${visibleText(line.text)}`).join("\n"),
  );
  return [`diff ${visibleText(diff.path)}`, ...parts].join("\n");
}
