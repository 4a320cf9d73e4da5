/** Shows a task while it runs, as text or as JSON lines. Ctrl-C cancels it; a second Ctrl-C detaches. */
import type { NodeId } from "@samovar/base";
import { errorMessage } from "@samovar/base";
import type { MessageView, NodeView, TaskEvent, TaskView } from "@samovar/contracts";
import { findSamovar, requireSamovar } from "../client/connect.ts";
import { type Followed, type TaskWatcher, followTask } from "../client/follow-task.ts";
import { formatEvent } from "../output/task-events.ts";
import type { Terminal } from "../output/terminal.ts";
import { TranscriptPrinter } from "../output/transcript-printer.ts";
import { type CommandContext, printJson } from "./context.ts";
import { Progress } from "./progress.ts";

/** Prints everything up to the task's end, except the outcome. `known`: events of earlier attempts. */
export async function watchTask(
  task: TaskView,
  context: CommandContext,
  known: readonly TaskEvent[] = [],
): Promise<Followed> {
  const { terminal, clock, timers, random } = context;
  const detaching = new AbortController();
  const { watcher, finish } = context.json ? createJsonWatcher(terminal) : createPrintingWatcher(context);
  let interrupts = 0;
  const stopListening = context.onInterrupt(() => {
    interrupts += 1;
    if (interrupts > 1) return detaching.abort();
    if (!context.json) terminal.note("\nCancelling the task; press Ctrl-C again to detach.");
    cancel(task, context).catch((error: unknown) => {
      terminal.note(`The task could not be cancelled: ${errorMessage(error)}`);
    });
  });
  try {
    const connect = () => findSamovar(context);
    if (!context.json) watcher.task(task, [], known);
    return await followTask({ task, known, connect, watcher, clock, timers, random, signal: detaching.signal });
  } finally {
    stopListening();
    finish();
  }
}

/** 0 completed, 1 failed, 3 cancelled. */
export function toExitCode(task: TaskView): number {
  if (task.status === "completed") return 0;
  return task.status === "cancelled" ? 3 : 1;
}

async function cancel(task: TaskView, context: CommandContext): Promise<void> {
  const client = await requireSamovar(context);
  await client.cancelTask(task.projectId, task.id);
}

function createPrintingWatcher(context: CommandContext): { watcher: TaskWatcher; finish: () => void } {
  const { terminal, timers } = context;
  const printer = new TranscriptPrinter(terminal);
  const progress = new Progress({
    report: (line) => printer.printAside(terminal.style.dim(`· ${line}`)),
    timers,
    node: (id) => readNode(id, context),
  });
  let isDown = false;
  const watcher: TaskWatcher = {
    task(task, fresh: readonly TaskEvent[], all: readonly TaskEvent[]) {
      for (const event of fresh) {
        const line = formatEvent(
          event,
          all.filter(({ seq }) => seq <= event.seq),
          terminal.style,
        );
        if (line !== null) printer.printAside(line);
      }
      progress.update(task, all);
    },
    message: (message: MessageView) => printer.show(message),
    connected(up) {
      if (up && isDown) printer.printAside(terminal.style.dim("· reconnected"));
      if (!up)
        printer.printAside(
          terminal.style.yellow("· connection to Samovar lost; the task may still be running; reconnecting …"),
        );
      isDown = !up;
    },
  };
  const finish = () => {
    progress.stop();
    printer.finish();
  };
  return { watcher, finish };
}

/** Best effort: null when the node cannot be read now. The next poll tries again. */
async function readNode(id: NodeId, context: CommandContext): Promise<NodeView | null> {
  try {
    return (await (await findSamovar(context))?.node(id)) ?? null;
  } catch {
    return null;
  }
}

/**
 * Prints `task` with its new events; `message.new` once for each message; then `message.appended` with the added text, or
 * `message.changed` with the whole message.
 */
function createJsonWatcher(terminal: Terminal): { watcher: TaskWatcher; finish: () => void } {
  const watcher: TaskWatcher = {
    task: (task, events) => printJson(terminal, { event: "task", task, events }),
    message(message, before) {
      if (before === null) return printJson(terminal, { event: "message.new", message });
      if (message.toolMetadata !== null || !message.content.startsWith(before.content)) {
        return printJson(terminal, { event: "message.changed", message });
      }
      const { messageId, position, revision, final, interrupted } = message;
      const text = message.content.slice(before.content.length);
      printJson(terminal, { event: "message.appended", messageId, position, revision, text, final, interrupted });
    },
    connected: (up) => printJson(terminal, { event: up ? "connected" : "disconnected" }),
  };
  return { watcher, finish: () => {} };
}
