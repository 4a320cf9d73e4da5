/**
 * How the agent speaks: each message in small chunks under one id, each tool call from pending over in progress
 * to its end. Every call returns when the client's pipe has taken the update, so a slow client slows the agent.
 */
import type { PlanEntry, SessionUpdate, ToolCallContent, ToolKind } from "@agentclientprotocol/sdk";
import { chunksOf } from "./filler.ts";

export interface Voice {
  say(text: string, pace?: Pace): Promise<void>;
  think(text: string): Promise<void>;
  plan(entries: PlanEntry[]): Promise<void>;
  beginTool(tool: ToolStart): Promise<ToolVoice>;
}

export interface ToolStart {
  readonly name: string;
  readonly kind: ToolKind;
  readonly title: string;
  readonly input: Readonly<Record<string, unknown>>;
  /** The file that it works on. */
  readonly path: string | null;
}

export interface ToolVoice {
  readonly toolCallId: string;
  running(content?: ToolCallContent[]): Promise<void>;
  end(
    status: "completed" | "failed",
    content: ToolCallContent[],
    output: Readonly<Record<string, unknown>>,
  ): Promise<void>;
}

export interface Pace {
  /** Called between chunks; answers false when the rest should not be said. */
  readonly between: () => Promise<boolean>;
}

const WORDS_A_CHUNK = 3;

export function voice(send: (update: SessionUpdate) => Promise<void>, newId: () => string): Voice {
  const speak = async (kind: "agent_message_chunk" | "agent_thought_chunk", text: string, pace?: Pace) => {
    const messageId = newId();
    const chunks = chunksOf(text, WORDS_A_CHUNK);
    for (const [index, chunk] of chunks.entries()) {
      await send({ sessionUpdate: kind, messageId, content: { type: "text", text: chunk } });
      if (pace !== undefined && index < chunks.length - 1 && !(await pace.between())) return;
    }
  };
  return {
    say: (text, pace) => speak("agent_message_chunk", text, pace),
    think: (text) => speak("agent_thought_chunk", text),
    plan: (entries) => send({ sessionUpdate: "plan", entries }),
    beginTool: async (tool) => {
      const toolCallId = newId();
      await send({
        sessionUpdate: "tool_call",
        toolCallId,
        title: tool.title,
        name: tool.name,
        kind: tool.kind,
        status: "pending",
        rawInput: tool.input,
        ...(tool.path === null ? {} : { locations: [{ path: tool.path }] }),
      });
      return {
        toolCallId,
        running: (content) =>
          send({
            sessionUpdate: "tool_call_update",
            toolCallId,
            status: "in_progress",
            ...(content === undefined ? {} : { content }),
          }),
        end: (status, content, rawOutput) =>
          send({ sessionUpdate: "tool_call_update", toolCallId, status, content, rawOutput }),
      };
    },
  };
}

export function textContent(text: string): ToolCallContent {
  return { type: "content", content: { type: "text", text } };
}
