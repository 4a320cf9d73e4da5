/**
 * Agent emits a message → stored → on a viewer's socket. The agent prints the time; the session's `lastMessageAt` is
 * when the message was stored; the viewer is this process.
 */
import type { ProjectId } from "@samovar/base";
import { type MessageView, taskView, type ViewerEvent } from "@samovar/contracts";
import type { Installation } from "../tests/harness/installation.ts";
import { openSocket } from "./viewer.ts";

const MESSAGES = 200;
/** With short pauses between the messages, so that each is delivered separately. */
const TASK = `Print the time\n\n${"```sh\nsleep 0.05; date +%s%3N\n```\n\n".repeat(MESSAGES)}`;

interface Sample {
  readonly saidAt: number;
  readonly seenAt: number;
  storedAt: number | null;
}

export async function measureDelivery(
  here: Installation,
  repository: string,
): Promise<{ stored: number[]; viewed: number[]; whole: number[] }> {
  const samples = new Map<string, Sample>();
  const run = here.follow(["run", "--json", "--repo", repository, TASK]);
  const task = taskView.parse((await run.until((line) => "task" in line))["task"]);
  const socket = await openSocket(here, task.projectId as ProjectId, {
    onEvent: (event) => note(event, samples),
  });
  socket.follow(task.sessionId);
  await run.finished;
  socket.close();
  const complete = [...samples.values()].flatMap(({ saidAt, storedAt, seenAt }) =>
    storedAt === null ? [] : [{ saidAt, storedAt, seenAt }],
  );
  return {
    stored: complete.map(({ saidAt, storedAt }) => storedAt - saidAt),
    viewed: complete.map(({ storedAt, seenAt }) => seenAt - storedAt),
    whole: complete.map(({ saidAt, seenAt }) => seenAt - saidAt),
  };
}

/** On the socket, the session's change follows the messages of its delivery and has the time at which they were stored. */
function note(event: ViewerEvent, samples: Map<string, Sample>): void {
  if (event.type === "session.updated") {
    for (const sample of samples.values()) sample.storedAt ??= event.session.lastMessageAt;
    return;
  }
  const message = toMessage(event);
  const saidAt = Number(/^\d{13}$/m.exec(message?.toolMetadata?.output ?? "")?.[0] ?? Number.NaN);
  if (message === null || Number.isNaN(saidAt) || samples.has(message.messageId)) return;
  samples.set(message.messageId, { saidAt, seenAt: Date.now(), storedAt: null });
}

function toMessage(event: ViewerEvent): MessageView | null {
  if (event.type === "message.new") return event.message;
  return event.type === "message.updated" && event.change.mode === "whole" ? event.change.message : null;
}
