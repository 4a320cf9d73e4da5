/** For tests: submits tasks, and scripts a node whose vm-agent answers a run's commands one by one. */
import { env } from "cloudflare:test";
import type { MessageId, NodeId, UserId } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import type { Command, CommandKind, NodeEventDraft, SessionEnd, TaskEvent, TranscriptDigest } from "@samovar/contracts";
import { createTask, taskEventKind } from "@samovar/contracts";
import type { TaskRecord } from "@samovar/domain/task-status";
import { hashMessage, digestTranscript } from "@samovar/domain/transcript-digest";
import { asc, eq } from "drizzle-orm";
import { expect, vi } from "vitest";
import { callerOf, ids } from "../../../test/caller.ts";
import { database } from "../../database/index.ts";
import { nodes, taskEvents, workspaces } from "../../database/schema.ts";
import { depsFor } from "../../deps.ts";
import { getNodeObject } from "../../nodes/durable-object/stub.ts";
import { aHolder, connected } from "../../nodes/durable-object/node.fixture.ts";
import type { Agent } from "../../nodes/durable-object/node.fixture.ts";
import { requireProject } from "../../projects/store.ts";
import { getProjectData } from "../../sessions/durable-object/stub.ts";
import { toWorkspaceView } from "../../workspaces/store.ts";
import { createNewTask } from "../create.ts";
import { findTask } from "../store.ts";

export const deps = depsFor(env);
export const db = database(env);
export const soon = { interval: 25 };

export async function submit(
  ownerId: UserId,
  description = "Do it",
  projectId = null as TaskRecord["projectId"] | null,
): Promise<TaskRecord> {
  const project = await requireProject(db, ownerId, projectId ?? (await aHolder(ownerId)).projectId);
  const caller = callerOf(ownerId);
  return createNewTask(deps, caller, project, createTask.parse({ description, run: true, vmSize: "small" }), null);
}

export const now = async (task: TaskRecord): Promise<TaskRecord> => (await findTask(db, task.id)) ?? task;
export const reaches = (task: TaskRecord, status: TaskRecord["status"]) =>
  vi.waitFor(async () => {
    const seen = await now(task);
    expect(seen.status, seen.failure?.message).toBe(status);
    return seen;
  }, soon);

/** The owner's newest node, once its object is there. */
export const findNewestNode = (ownerId: UserId): Promise<NodeId> =>
  vi.waitFor(async () => {
    const [row] = await db.select().from(nodes).where(eq(nodes.ownerId, ownerId));
    expect(row?.version).toBeGreaterThan(0);
    if (row === undefined) throw new Error("no node");
    return row.id;
  }, soon);

/** A vm-agent's end of the link that answers commands one by one. */
export class ScriptedNode {
  readonly nodeId: NodeId;
  readonly #agent: Agent;
  #reported = 0;

  constructor(nodeId: NodeId, agent: Agent) {
    this.nodeId = nodeId;
    this.#agent = agent;
  }

  static async of(ownerId: UserId): Promise<ScriptedNode> {
    return ScriptedNode.on(await findNewestNode(ownerId));
  }

  static async on(nodeId: NodeId): Promise<ScriptedNode> {
    return new ScriptedNode(nodeId, await connected(nodeId));
  }

  async expects<K extends CommandKind>(kind: K): Promise<Extract<Command, { kind: K }>> {
    const command = await this.next(kind);
    expect(command.kind).toBe(kind);
    return command as Extract<Command, { kind: K }>;
  }

  /** The next command, whatever it is. */
  async next(wanted = "command"): Promise<Command> {
    return vi.waitFor(() => {
      const command = this.received();
      if (command === null) throw new Error(`no ${wanted} yet`);
      return command;
    }, soon);
  }

  /** The next command that is here already, or null. */
  received(): Command | null {
    const { frames } = this.#agent;
    const at = frames.findIndex((each) => each.type === "command");
    const [frame] = at === -1 ? [] : frames.splice(at, 1);
    if (frame?.type !== "command") return null;
    this.#agent.send({ type: "ack", upTo: frame.command.n });
    return frame.command;
  }

  report(event: NodeEventDraft): void {
    this.#agent.report(event, ++this.#reported);
  }

  /** Answers commands up to the agent's first response. */
  async begins(branch = "task/x") {
    const create = await this.expects("workspace.create");
    const { workspaceId } = create.args;
    this.report({ kind: "workspace.ready", workspaceId, branch, baseCommit: "abc" });
    const start = await this.expects("session.start");
    this.report({ kind: "session.started", workspaceId, sessionId: start.args.sessionId, capabilities: null });
    return { create: create.args, start: start.args, workspaceId, sessionId: start.args.sessionId };
  }

  /** Closes the connection for good. */
  vanishes(): void {
    this.#agent.close();
  }

  async destroys(): Promise<void> {
    const { args } = await this.expects("workspace.destroy");
    this.report({ kind: "workspace.destroyed", workspaceId: args.workspaceId });
  }
}

export async function aSessionEnd(task: TaskRecord, more: Partial<SessionEnd> = {}): Promise<SessionEnd> {
  return {
    outcome: "clean",
    stopReason: "end_turn",
    failure: null,
    branch: "task/x",
    commits: [{ sha: "abc", subject: "Done" }],
    diffStat: { files: 1, insertions: 2, deletions: 0 },
    pushed: true,
    pushError: null,
    summary: "Done.",
    usage: null,
    restarts: 0,
    bundle: null,
    warning: null,
    drained: true,
    digest: await getProjectData(deps, task.projectId).digest(task.sessionId),
    ...more,
  };
}

/** The digest of a transcript that consists of this one message of an agent. */
export function digestMessage(messageId: MessageId, content: string): TranscriptDigest {
  const rest = { role: "assistant", kind: "text", toolMetadata: null, interrupted: false, truncated: null } as const;
  return digestTranscript([hashMessage({ messageId, content, ...rest }, sha256)], sha256);
}

export async function says(
  task: TaskRecord,
  machine: ScriptedNode,
  workspace: TaskRecord["workspaceId"],
  text: string,
  messageId: MessageId = ids.messageId(),
): Promise<void> {
  if (workspace === null) throw new Error("no workspace");
  const claims = { workspace, project: task.projectId, session: task.sessionId, node: machine.nodeId, epoch: 1 };
  const row = { messageId, sessionId: task.sessionId, seq: 1, role: "assistant", content: text };
  expect(await getProjectData(deps, task.projectId).deliver(claims, [row])).toMatchObject({ persisted: 1 });
}

export const readTranscript = async (task: TaskRecord) => {
  const history = await getProjectData(deps, task.projectId).listMessages(task.sessionId, { limit: 50 });
  return (history?.messages ?? []).map((message) => message.content);
};
export const getWorkspace = async (task: TaskRecord) => {
  const [row] = await db.select().from(workspaces).where(eq(workspaces.taskId, task.id));
  return row === undefined ? null : toWorkspaceView(row);
};
export const listTaskEvents = async (task: TaskRecord): Promise<Pick<TaskEvent, "kind" | "data">[]> => {
  const rows = await db.select().from(taskEvents).where(eq(taskEvents.taskId, task.id)).orderBy(asc(taskEvents.seq));
  return rows.map(({ kind, data }) => ({ kind: taskEventKind.parse(kind), data }));
};
export const getTaskIds = async (machine: ScriptedNode) => (await getNodeObject(env, machine.nodeId).view())?.taskIds;
export const getRetainedTaskIds = async (machine: ScriptedNode) =>
  (await getNodeObject(env, machine.nodeId).view())?.retainedTaskIds;
export const toSession = (task: TaskRecord) => getProjectData(deps, task.projectId).getSession(task.sessionId);
