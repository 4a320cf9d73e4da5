/**
 * A session as Markdown and as JSON lines, message by message, so that a long one never is in memory as a whole. JSON lines
 * are the messages as they are stored. In Markdown hidden characters are visible, as in the page and the CLI. Pure.
 */
import { assertNever, parseJson, stripTerminalSequences, visibleText } from "@samovar/base";
import type { FileDiff, MessageView, SessionView, ToolMetadata } from "@samovar/contracts";
import { planEntries } from "@samovar/contracts";
import { lineDiff } from "./line-diff.ts";

export const EXPORT_FORMATS = ["md", "jsonl"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** What comes before the first message. */
export function formatExportHead(session: SessionView, format: ExportFormat): string {
  if (format === "jsonl") return "";
  const topic = toLine(session.topic ?? "Session");
  return `# ${topic}\n\nSession \`${session.id}\`, started ${toTime(session.startedAt)}.\n`;
}

export function formatExported(message: MessageView, format: ExportFormat): string {
  return format === "jsonl"
    ? `${JSON.stringify(message)}\n`
    : `\n${formatHeading(message)}\n\n${formatBody(message)}\n`;
}

function formatHeading(message: MessageView): string {
  const notes = [
    ...(message.interrupted ? ["interrupted"] : []),
    ...(message.truncated === null ? [] : [`truncated from ${message.truncated.bytes} bytes`]),
  ];
  return `## ${[formatAuthor(message), toTime(message.createdAt), ...notes].join(" · ")}`;
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
      return `Tool: ${toLine(toolMetadata?.title ?? "call")} (${toolMetadata?.status ?? "unknown"})`;
    default:
      return assertNever(kind, "message kind");
  }
}

function formatBody({ kind, content, toolMetadata }: MessageView): string {
  if (toolMetadata !== null) return formatTool(toolMetadata, content);
  if (kind === "plan") return formatPlan(content);
  const text = toText(content).trimEnd();
  return kind === "thought" ? `> ${text.replaceAll("\n", "\n> ")}` : text;
}

function formatPlan(content: string): string {
  const entries = planEntries.safeParse(parseJson(content)).data;
  if (entries === undefined) return toText(content);
  const boxes = { pending: "[ ]", in_progress: "[ ] (in progress)", completed: "[x]" } as const;
  return entries.map((entry) => `- ${boxes[entry.status]} ${toLine(entry.content)}`).join("\n");
}

function formatTool(tool: ToolMetadata, content: string): string {
  const parts = [
    ...(tool.input === undefined || tool.input === "{}" ? [] : [toBlock(tool.input, "json")]),
    ...(tool.diffs ?? []).map(formatDiff),
    toBlock(tool.output ?? content, ""),
    ...(typeof tool.exitCode === "number" ? [`Exit code ${tool.exitCode}.`] : []),
    ...(tool.truncated === true ? ["Parts of this call were cut to fit."] : []),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

function formatDiff(diff: FileDiff): string {
  const signs = { same: " ", removed: "-", added: "+" } as const;
  const lines = lineDiff(diff.oldText, diff.newText).parts.flatMap((part) =>
    part.kind === "gap"
      ? [`@@ ${part.lines.length} unchanged lines @@`]
      : part.lines.map(({ kind, text }) => `${signs[kind]}${text}`),
  );
  return `${toLine(diff.path)}\n\n${toBlock(lines.join("\n"), "diff")}`;
}

/** Fenced by more backticks than the text has in a row. */
function toBlock(text: string, language: string): string {
  const shown = toText(text).trimEnd();
  if (shown === "") return "";
  const longest = Math.max(2, ...[...shown.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${shown}\n${fence}`;
}

const toText = (text: string): string => visibleText(stripTerminalSequences(text.replaceAll("\r\n", "\n")));
const toLine = (text: string): string => toText(text).replaceAll(/\s+/g, " ").trim();
const toTime = (at: number): string => new Date(at).toISOString();
