/** `samovar verify TASK|--all`: verifies that stored transcripts are complete and unchanged. */
import type { SamovarClient } from "../client/samovar-client.ts";
import type { MessageView, ProjectView, SessionView, TaskView, TranscriptVerification } from "@samovar/contracts";
import { isTerminal } from "@samovar/domain/task-status";
import { requireSamovar } from "../client/connect.ts";
import { CliError } from "../client/errors.ts";
import { findTask } from "../client/find.ts";
import { formatVerification } from "../output/verification.ts";
import { formatCount } from "../output/units.ts";
import { type CommandContext, printJson } from "./context.ts";

interface VerifiedTask {
  readonly taskId: string;
  /** `unverified`: the task ended before its agent had started, so there is no digest to compare. */
  readonly result: "complete" | "unverified" | "faulty";
  readonly verification: TranscriptVerification | null;
  readonly faults: readonly string[];
}

/** Exit code 0 when nothing is faulty, else 1. */
export async function verify(id: string | undefined, all: boolean, context: CommandContext): Promise<number> {
  if ((id === undefined) === !all) throw new CliError("Give one task, or --all.", "Example: samovar verify --all");
  const client = await requireSamovar(context);
  const subjects = id === undefined ? await endedTasks(client) : [await endedTask(client, id)];
  const results: VerifiedTask[] = [];
  for (const { project, task } of subjects) {
    const verified = await verifyTask(client, project, task);
    results.push(verified);
    if (!context.json) printResult(verified, context);
  }
  const faulty = results.filter(({ result }) => result === "faulty").length;
  const unverified = results.filter(({ result }) => result === "unverified").length;
  if (context.json)
    printJson(context.terminal, { ok: faulty === 0, checked: results.length, faulty, unverified, results });
  else if (all)
    context.terminal.line(
      `${formatCount(results.length, "task")} checked, ${faulty} faulty, ${unverified} without a digest`,
    );
  return faulty === 0 ? 0 : 1;
}

interface Subject {
  readonly project: ProjectView;
  readonly task: TaskView;
}

async function endedTasks(client: SamovarClient): Promise<Subject[]> {
  const subjects: Subject[] = [];
  for (const project of await client.projects()) {
    for (const task of await client.tasks(project.id)) if (isTerminal(task.status)) subjects.push({ project, task });
  }
  return subjects;
}

async function endedTask(client: SamovarClient, id: string): Promise<Subject> {
  const found = await findTask(client, id);
  if (isTerminal(found.task.status)) return found;
  throw new CliError(
    `${found.task.id} is still ${found.task.status.replace("_", " ")}: its transcript can be verified when it has ended.`,
  );
}

export async function verifyTask(client: SamovarClient, project: ProjectView, task: TaskView): Promise<VerifiedTask> {
  const verification = await getVerification(client, project, task);
  const session = await client.session(project.id, task.sessionId);
  const messages = await client.messages(project.id, task.sessionId);
  const faults = [...findTranscriptFaults(session, messages), ...findDigestFaults(task, verification, messages)];
  const resultWithoutFaults = verification === null ? "unverified" : "complete";
  return { taskId: task.id, result: faults.length > 0 ? "faulty" : resultWithoutFaults, verification, faults };
}

/** Null when the node never sent a digest to compare with. */
async function getVerification(
  client: SamovarClient,
  project: ProjectView,
  task: TaskView,
): Promise<TranscriptVerification | null> {
  try {
    return await client.verification(project.id, task.id);
  } catch (error) {
    const isAbsent = error instanceof CliError && (error.code === "not_found" || error.code === "conflict");
    if (isAbsent && (task.output?.transcript ?? null) === null) return null;
    throw error;
  }
}

/** Checks what must hold for every stored transcript, whatever its content. */
export function findTranscriptFaults(
  session: Pick<SessionView, "messageCount">,
  messages: readonly MessageView[],
): string[] {
  const faults: string[] = [];
  const gap = messages.findIndex(({ position }, index) => position !== index);
  if (gap !== -1) faults.push(`positions are not dense: found ${messages[gap]?.position} instead of ${gap}`);
  if (new Set(messages.map(({ messageId }) => messageId)).size !== messages.length)
    faults.push("a message is stored twice");
  if (session.messageCount !== messages.length) {
    faults.push(`the session counts ${session.messageCount} messages, but ${messages.length} are stored`);
  }
  const open = messages.filter(({ final, interrupted }) => !final && !interrupted).length;
  if (open > 0) faults.push(`${formatCount(open, "message")} never became final`);
  return faults;
}

export function findDigestFaults(
  task: Pick<TaskView, "status">,
  verification: TranscriptVerification | null,
  messages: readonly MessageView[],
): string[] {
  if (verification === null)
    return task.status === "completed" ? ["the task completed without a transcript digest"] : [];
  const { agreed, claimed, stored } = verification;
  const same = claimed.count === stored.count && claimed.digest === stored.digest;
  const faults: string[] = [];
  if (!agreed || !same) faults.push(formatVerification({ ...verification, agreed: false }));
  if (stored.count > messages.length)
    faults.push(`the digest covers ${stored.count} messages, but ${messages.length} are stored`);
  return faults;
}

function printResult({ taskId, result, verification, faults }: VerifiedTask, { terminal }: CommandContext): void {
  const { style } = terminal;
  if (result === "complete" && verification !== null)
    terminal.line(`${style.green("✓")} ${taskId}  ${formatVerification(verification)}`);
  else if (result === "unverified") terminal.line(`${style.dim("–")} ${taskId}  ended before its agent had started`);
  for (const fault of faults) terminal.line(`${style.red("✗")} ${taskId}  ${fault}`);
}
