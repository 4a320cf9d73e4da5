/**
 * The object's SQLite: sessions, and messages by position and by change. Everything here is synchronous. Each row written is
 * charged, so updates name only columns that may have changed, and the growth of an open message is in its own row alone: a
 * session's version and the time of its last message are read from its row and from its open messages. Keeps M1, M2.
 */
import type { MessageId, Millis, NodeId, SessionId, TaskId, WorkspaceId } from "@samovar/base";
import type { Page, SessionStatus, SessionView } from "@samovar/contracts";
import type { StoredMessage } from "@samovar/domain/message-store";
import { toChangingColumns, toDeliverer, toFixedColumns, toGrowingColumns, toMessage, toSession } from "./rows.ts";
import type { Change, Row } from "./rows.ts";
import type { Deliverer } from "./rpc.ts";

/** A message's position, and the approximate number of characters of its JSON. */
export interface MessageLocation {
  readonly position: number;
  readonly size: number;
}

/** Messages of one session by position, both ends included. */
export interface Span {
  readonly from: number;
  readonly to: number;
  /** Only changes after this version; 0 for everything. */
  readonly afterVersion: number;
}

export interface SessionQuery {
  readonly taskId?: TaskId | undefined;
  /** Words that the topic contains, in any order and case. */
  readonly q?: string | undefined;
  readonly status?: SessionStatus | undefined;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/** A session's columns, with what its open messages add to them. */
const SESSION = `*,
  (SELECT max(changed_at_version) FROM messages WHERE session_id = sessions.id AND final = 0) AS open_version,
  (SELECT max(changed_at) FROM messages WHERE session_id = sessions.id AND final = 0) AS open_changed_at`;

export class ProjectStorage {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
  }

  /** Runs `work` in one transaction. */
  atomically<T>(work: () => T): T {
    return this.#storage.transactionSync(work);
  }

  session(id: SessionId): SessionView | null {
    const row = this.#first(`SELECT ${SESSION} FROM sessions WHERE id = ?`, id);
    return row === undefined ? null : toSession(row);
  }

  addSession(session: SessionView): void {
    this.#sql.exec(
      `INSERT INTO sessions (id, project_id, task_id, started_at, workspace_id, topic, status, version, message_count,
       last_message_at, ended_at, activity) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      session.id,
      session.projectId,
      session.taskId,
      session.startedAt,
      ...toChangingColumns(session),
    );
  }

  /** Not needed after a delivery in which open messages grew and nothing else changed. */
  saveSession(session: SessionView): void {
    this.#sql.exec(
      `UPDATE sessions SET workspace_id = ?, topic = ?, status = ?, version = ?, message_count = ?, last_message_at = ?,
       ended_at = ?, activity = ? WHERE id = ?`,
      ...toChangingColumns(session),
      session.id,
    );
  }

  /** Newest first: an id sorts by its time of creation and is the cursor. */
  sessions({ taskId, q, status, cursor, limit }: SessionQuery): Page<SessionView> {
    const conditions = ["1 = 1"];
    const bindings: SqlStorageValue[] = [];
    if (taskId !== undefined) {
      conditions.push("task_id = ?");
      bindings.push(taskId);
    }
    if (status !== undefined) {
      conditions.push("status = ?");
      bindings.push(status);
    }
    if (cursor !== undefined) {
      conditions.push("id < ?");
      bindings.push(cursor);
    }
    const query = `SELECT ${SESSION} FROM sessions WHERE ${conditions.join(" AND ")} ORDER BY id DESC`;
    // SQLite folds the case of ASCII letters only, so topics are compared here, row by row, until the page is full.
    const words = q === undefined ? [] : q.toLowerCase().split(/\s+/);
    const found: Row[] = [];
    for (const row of this.#sql.exec<Row>(query, ...bindings)) {
      if (containsAll(row["topic"], words)) found.push(row);
      if (found.length > limit) break;
    }
    const items = found.slice(0, limit).map(toSession);
    return { items, nextCursor: found.length > limit ? (items.at(-1)?.id ?? null) : null };
  }

  message(id: MessageId): StoredMessage | null {
    const row = this.#first("SELECT * FROM messages WHERE id = ?", id);
    return row === undefined ? null : toMessage(row);
  }

  addMessage(message: StoredMessage, change: Change): void {
    const columns = { ...toFixedColumns(message), ...toGrowingColumns(message, change), final: Number(message.final) };
    const names = Object.keys(columns);
    this.#sql.exec(
      `INSERT INTO messages (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`,
      ...Object.values(columns),
    );
  }

  /** Of an open message: one row, and one more of an index if it is final now. */
  updateMessage(message: StoredMessage, change: Change): void {
    const columns = { ...toGrowingColumns(message, change), ...(message.final ? { final: 1 } : {}) };
    const changes = Object.keys(columns).map((name) => `${name} = ?`);
    this.#sql.exec(
      `UPDATE messages SET ${changes.join(", ")} WHERE id = ?`,
      ...Object.values(columns),
      message.messageId,
    );
  }

  /** Messages of nodes that are neither final nor marked as interrupted, in order of position. */
  open(id: SessionId): readonly StoredMessage[] {
    const where = "session_id = ? AND origin = 'node' AND final = 0 AND interrupted = 0";
    return this.#all(`SELECT * FROM messages WHERE ${where} ORDER BY position`, id).map(toMessage);
  }

  interrupt(id: MessageId, changedAtVersion: number): void {
    this.#sql.exec("UPDATE messages SET interrupted = 1, changed_at_version = ? WHERE id = ?", changedAtVersion, id);
  }

  /** Messages that changed after a version, in order of position. */
  changes(id: SessionId, afterVersion: number): readonly MessageLocation[] {
    // Each half has an index.
    const where = "session_id = ?1 AND changed_at_version > ?2";
    const select = `SELECT position, size FROM messages WHERE ${where}`;
    return this.#locations(
      `${select} AND final = 1 UNION ALL ${select} AND final = 0 ORDER BY position`,
      id,
      afterVersion,
    );
  }

  /** The newest messages before a position, newest first. */
  positionsBefore(id: SessionId, before: number, limit: number): readonly MessageLocation[] {
    const where = "session_id = ? AND position < ?";
    return this.#locations(
      `SELECT position, size FROM messages WHERE ${where} ORDER BY position DESC LIMIT ?`,
      id,
      before,
      limit,
    );
  }

  /** The first messages after a position (and before another), oldest first. */
  positionsAfter(id: SessionId, after: number, before: number, limit: number): readonly MessageLocation[] {
    const where = "session_id = ? AND position > ? AND position < ?";
    return this.#locations(
      `SELECT position, size FROM messages WHERE ${where} ORDER BY position LIMIT ?`,
      id,
      after,
      before,
      limit,
    );
  }

  /** In order of position. */
  messages(id: SessionId, { from, to, afterVersion }: Span): readonly StoredMessage[] {
    const where = "session_id = ? AND position BETWEEN ? AND ? AND changed_at_version > ?";
    return this.#all(`SELECT * FROM messages WHERE ${where} ORDER BY position`, id, from, to, afterVersion).map(
      toMessage,
    );
  }

  /** Finished messages that a node delivered, in order; with `workspaceId`, only that workspace's. Reads row by row. */
  *delivered(id: SessionId, workspaceId: WorkspaceId | null): Iterable<StoredMessage> {
    const cursor = this.#sql.exec<Row>(
      `SELECT * FROM messages WHERE session_id = ?1 AND origin = 'node' AND final = 1 AND (?2 IS NULL OR workspace_id = ?2) ORDER BY position`,
      id,
      workspaceId,
    );
    for (const row of cursor) yield toMessage(row);
  }

  hasDelivered(id: SessionId, workspaceId: WorkspaceId): boolean {
    return (
      this.#first(
        "SELECT 1 AS one FROM messages WHERE session_id = ? AND workspace_id = ? LIMIT 1",
        id,
        workspaceId,
      ) !== undefined
    );
  }

  deliverer(workspaceId: WorkspaceId, nodeId: NodeId): Deliverer | null {
    const row = this.#first("SELECT * FROM deliverers WHERE workspace_id = ? AND node_id = ?", workspaceId, nodeId);
    return row === undefined ? null : toDeliverer(row);
  }

  /** A report that is older than the stored one changes nothing. */
  saveDeliverer({ workspaceId, nodeId, sessionId, epoch, deliverUntil, stamp }: Deliverer): void {
    this.#sql.exec(
      `INSERT INTO deliverers (workspace_id, node_id, session_id, epoch, deliver_until, stamp) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (workspace_id, node_id) DO UPDATE SET session_id = excluded.session_id, epoch = excluded.epoch,
       deliver_until = excluded.deliver_until, stamp = excluded.stamp WHERE excluded.stamp > deliverers.stamp`,
      workspaceId,
      nodeId,
      sessionId,
      epoch,
      deliverUntil,
      stamp,
    );
  }

  /** Whether the session's transcript was closed and verified. */
  isComplete(id: SessionId): boolean {
    return this.#first("SELECT 1 AS one FROM sessions WHERE id = ? AND completed_at IS NOT NULL", id) !== undefined;
  }

  /** The first time counts. */
  markComplete(id: SessionId, now: Millis): void {
    this.#sql.exec("UPDATE sessions SET completed_at = ? WHERE id = ? AND completed_at IS NULL", now, id);
  }

  /** Another workspace continues the transcript. */
  reopen(id: SessionId): void {
    this.#sql.exec("UPDATE sessions SET completed_at = NULL WHERE id = ?", id);
  }

  #first(query: string, ...bindings: SqlStorageValue[]): Row | undefined {
    return this.#all(query, ...bindings)[0];
  }

  #all(query: string, ...bindings: SqlStorageValue[]): Row[] {
    return this.#sql.exec<Row>(query, ...bindings).toArray();
  }

  #locations(query: string, ...bindings: SqlStorageValue[]): readonly MessageLocation[] {
    return this.#sql.exec<{ position: number; size: number }>(query, ...bindings).toArray();
  }
}

function containsAll(topic: unknown, words: readonly string[]): boolean {
  const text = typeof topic === "string" ? topic.toLowerCase() : "";
  return words.every((word) => text.includes(word));
}
