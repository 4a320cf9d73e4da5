/** Converts rows of the object's tables to typed values and back. */
import type { Millis, WorkspaceId } from "@samovar/base";
import type { MessageView, SessionView } from "@samovar/contracts";
import {
  messageId,
  messageKind,
  messageRole,
  nodeId,
  projectId,
  sessionActivity,
  sessionId,
  sessionView,
  taskId,
  toolMetadata,
  truncation,
  workspaceId,
} from "@samovar/contracts";
import type { StoredMessage } from "@samovar/domain/message-store";
import * as z from "zod";
import type { Deliverer } from "./rpc.ts";

export type Row = Record<string, SqlStorageValue>;

const jsonColumn = <T extends z.ZodType>(inner: T) =>
  z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(inner)
    .nullable();
const flag = z.int().transform((value) => value === 1);

const sessionRow = z.object({
  id: sessionId,
  project_id: projectId,
  task_id: taskId.nullable(),
  workspace_id: workspaceId.nullable(),
  topic: z.string().nullable(),
  status: sessionView.shape.status,
  version: z.int(),
  message_count: z.int(),
  last_message_at: z.int().nullable(),
  started_at: z.int(),
  ended_at: z.int().nullable(),
  activity: jsonColumn(sessionActivity),
  // The newest change of its open messages; null without open messages.
  open_version: z.int().nullable(),
  open_changed_at: z.int().nullable(),
});

const messageRow = z.object({
  id: messageId,
  session_id: sessionId,
  position: z.int(),
  origin: z.enum(["node", "page"]),
  role: messageRole,
  kind: messageKind,
  revision: z.int(),
  final: flag,
  interrupted: flag,
  truncated: jsonColumn(truncation),
  created_at: z.int(),
  content: z.string(),
  tool_metadata: jsonColumn(toolMetadata),
});

const foundRow = z.object({ row: z.int(), changed_at_version: z.int(), size: z.int() });

const delivererRow = z.object({
  workspace_id: workspaceId,
  node_id: nodeId,
  session_id: sessionId,
  epoch: z.int(),
  deliver_until: z.int().nullable(),
  stamp: z.int(),
});

export function toDeliverer(row: Row): Deliverer {
  const parsed = delivererRow.parse(row);
  return {
    workspaceId: parsed.workspace_id,
    nodeId: parsed.node_id,
    sessionId: parsed.session_id,
    epoch: parsed.epoch,
    deliverUntil: parsed.deliver_until,
    stamp: parsed.stamp,
  };
}

export function toSession(row: Row): SessionView {
  const parsed = sessionRow.parse(row);
  return {
    id: parsed.id,
    projectId: parsed.project_id,
    taskId: parsed.task_id,
    workspaceId: parsed.workspace_id,
    topic: parsed.topic,
    status: parsed.status,
    version: Math.max(parsed.version, parsed.open_version ?? 0),
    messageCount: parsed.message_count,
    lastMessageAt: latest(parsed.last_message_at, parsed.open_changed_at),
    startedAt: parsed.started_at,
    activity: parsed.activity,
    endedAt: parsed.ended_at,
  };
}

export function toMessage(row: Row): StoredMessage {
  const parsed = messageRow.parse(row);
  return {
    messageId: parsed.id,
    sessionId: parsed.session_id,
    position: parsed.position,
    origin: parsed.origin,
    role: parsed.role,
    kind: parsed.kind,
    content: parsed.content,
    toolMetadata: parsed.tool_metadata,
    revision: parsed.revision,
    final: parsed.final,
    interrupted: parsed.interrupted,
    truncated: parsed.truncated,
    createdAt: parsed.created_at,
  };
}

/** A message with its row's id, which grows in the order of arrival in the project. */
export interface FoundMessage {
  readonly row: number;
  readonly version: number;
  readonly size: number;
  readonly message: StoredMessage;
}

/** `row`: `rowid AS row`, with the columns of `messages`. */
export function toFoundMessage(row: Row): FoundMessage {
  const { row: id, changed_at_version: version, size } = foundRow.parse(row);
  return { row: id, version, size, message: toMessage(row) };
}

/** A message for viewers, without its internal origin. */
export function toMessageView({ origin: _origin, ...view }: StoredMessage): MessageView {
  return view;
}

/** The columns of a session that change, in the order of the statements that write them. */
export function toChangingColumns(session: SessionView): readonly SqlStorageValue[] {
  return [
    session.workspaceId,
    session.topic,
    session.status,
    session.version,
    session.messageCount,
    session.lastMessageAt,
    session.endedAt,
    session.activity === null ? null : JSON.stringify(session.activity),
  ];
}

/** A change of a message: its version in the session, its time and its origin. */
export interface Change {
  readonly version: number;
  readonly at: Millis;
  /** The workspace whose token delivered it; null for messages of the page or the control plane. */
  readonly workspaceId: WorkspaceId | null;
}

/** The columns of `messages` that never change, by name. */
export function toFixedColumns({ messageId: id, sessionId: session, ...message }: StoredMessage): Row {
  const { position, origin, role, kind, createdAt } = message;
  return { id, session_id: session, position, origin, role, kind, created_at: createdAt };
}

/** The columns of `messages` that change while a message grows, by name. */
export function toGrowingColumns(message: StoredMessage, { version, at, workspaceId }: Change): Row {
  const tool = message.toolMetadata === null ? null : JSON.stringify(message.toolMetadata);
  return {
    changed_at_version: version,
    changed_at: at,
    size: message.content.length + (tool?.length ?? 0) + ENVELOPE_CHARS,
    workspace_id: workspaceId,
    revision: message.revision,
    interrupted: message.interrupted ? 1 : 0,
    truncated: message.truncated === null ? null : JSON.stringify(message.truncated),
    content: message.content,
    tool_metadata: tool,
  };
}

const latest = (...times: readonly (Millis | null)[]): Millis | null =>
  times.reduce((last, at) => (last === null || (at !== null && at > last) ? at : last), null);

/** Approximate size of a message's JSON without content and tool metadata. */
const ENVELOPE_CHARS = 320;
