/** `samovar verify TASK|--all`: whether stored transcripts are the ones that were said. */
import type { ApiClient } from "@samovar/client/api-client";
import type { MessageView, ProjectView, SessionView, TaskView, TranscriptVerification } from "@samovar/contracts";
import { isTerminal } from "@samovar/domain/task-status";
import { requireSamovar } from "../client/connect.ts";
import { CliError } from "../client/errors.ts";
import { findTask } from "../client/find.ts";
import { proofLine } from "../output/digest.ts";
import { count } from "../output/units.ts";
import { type CommandContext, printJson } from "./context.ts";

interface Verdict {
  readonly taskId: string;
  /** `unproven`: the task ended before an agent had said anything that could be proven. */
  readonly verdict: "complete" | "unproven" | "faulty";
  readonly verification: TranscriptVerification | null;
  readonly faults: readonly string[];
}

/** Exit code 0 when nothing is faulty, else 1. */
export async function verify(id: string | undefined, all: boolean, context: CommandContext): Promise<number> {
  if ((id === undefined) === !all) throw new CliError("Name one task, or give --all.", "Such as: samovar verify --all");
  const client = await requireSamovar(context);
  const subjects = id === undefined ? await endedTasks(client) : [await endedTask(client, id)];
  const verdicts: Verdict[] = [];
  for (const { project, task } of subjects) {
    const verdict = await judge(client, project, task);
    verdicts.push(verdict);
    if (!context.json) tell(verdict, context);
  }
  const faulty = verdicts.filter(({ verdict }) => verdict === "faulty").length;
  const unproven = verdicts.filter(({ verdict }) => verdict === "unproven").length;
  if (context.json)
    printJson(context.terminal, { ok: faulty === 0, checked: verdicts.length, faulty, unproven, verdicts });
  else if (all)
    context.terminal.line(`${count(verdicts.length, "task")} checked, ${faulty} faulty, ${unproven} without a digest`);
  return faulty === 0 ? 0 : 1;
}

interface Subject {
  readonly project: ProjectView;
  readonly task: TaskView;
}

async function endedTasks(client: ApiClient): Promise<Subject[]> {
  const subjects: Subject[] = [];
  for (const project of await client.projects()) {
    for (const task of await client.tasks(project.id)) if (isTerminal(task.status)) subjects.push({ project, task });
  }
  return subjects;
}

async function endedTask(client: ApiClient, id: string): Promise<Subject> {
  const found = await findTask(client, id);
  if (isTerminal(found.task.status)) return found;
  throw new CliError(`${found.task.id} has not ended yet (${found.task.status}): its transcript is proven at its end.`);
}

export async function judge(client: ApiClient, project: ProjectView, task: TaskView): Promise<Verdict> {
  const verification = await verificationOf(client, project, task);
  const session = await client.session(project.id, task.sessionId);
  const messages = await client.messages(project.id, task.sessionId);
  const faults = [...transcriptFaults(session, messages), ...proofFaults(task, verification, messages)];
  const sound = verification === null ? "unproven" : "complete";
  return { taskId: task.id, verdict: faults.length > 0 ? "faulty" : sound, verification, faults };
}

/** Null when the node never claimed anything: there is nothing that the store could be held against. */
async function verificationOf(
  client: ApiClient,
  project: ProjectView,
  task: TaskView,
): Promise<TranscriptVerification | null> {
  try {
    return await client.verification(project.id, task.id);
  } catch (error) {
    const absent = error instanceof CliError && (error.code === "not_found" || error.code === "conflict");
    if (absent && (task.output?.transcript ?? null) === null) return null;
    throw error;
  }
}

/** What must hold for any stored transcript, whatever was said. */
export function transcriptFaults(
  session: Pick<SessionView, "messageCount">,
  messages: readonly MessageView[],
): string[] {
  const faults: string[] = [];
  const gap = messages.findIndex(({ position }, index) => position !== index);
  if (gap !== -1) faults.push(`positions are not dense: ${messages[gap]?.position} stands where ${gap} should`);
  if (new Set(messages.map(({ messageId }) => messageId)).size !== messages.length)
    faults.push("a message is there twice");
  if (session.messageCount !== messages.length) {
    faults.push(`the session counts ${session.messageCount} messages, ${messages.length} are there`);
  }
  const open = messages.filter(({ final, interrupted }) => !final && !interrupted).length;
  if (open > 0) faults.push(`${count(open, "message")} never became final`);
  return faults;
}

export function proofFaults(
  task: Pick<TaskView, "status">,
  verification: TranscriptVerification | null,
  messages: readonly MessageView[],
): string[] {
  if (verification === null) return task.status === "completed" ? ["the task completed without a proof"] : [];
  const { agreed, claimed, stored } = verification;
  const same = claimed.count === stored.count && claimed.digest === stored.digest;
  const faults: string[] = [];
  if (!agreed || !same) faults.push(proofLine({ ...verification, agreed: false }));
  if (stored.count > messages.length) faults.push(`${stored.count} messages are proven, ${messages.length} are there`);
  return faults;
}

function tell({ taskId, verdict, verification, faults }: Verdict, { terminal }: CommandContext): void {
  const { style } = terminal;
  if (verdict === "complete" && verification !== null)
    terminal.line(`${style.green("✓")} ${taskId}  ${proofLine(verification)}`);
  else if (verdict === "unproven") terminal.line(`${style.dim("–")} ${taskId}  ended before anything could be proven`);
  for (const fault of faults) terminal.line(`${style.red("✗")} ${taskId}  ${fault}`);
}
