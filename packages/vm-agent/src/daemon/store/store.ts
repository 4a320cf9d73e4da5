/**
 * The daemon's durable state. Commands are recorded before they are acknowledged, events before they are sent, and a
 * change and its event are written in one transaction, so that each change is reported exactly once.
 */
import type { Clock, SessionId, WorkspaceId } from "@samovar/base";
import type { NodeEvent, SessionStartArgs, WorkspaceCreateArgs } from "@samovar/contracts";
import { nodeEvent } from "@samovar/contracts";
import type { ProcessMark } from "@samovar/processes";
import type { Salvage } from "@samovar/sqlite";
import { runTransaction } from "@samovar/sqlite";
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { openStore } from "./open-store.ts";
import type { ReportedEnd, SessionRow, WorkspaceRow } from "./rows.ts";
import { sessionRow, workspaceRow } from "./rows.ts";

/** An event before it has its number and time. */
export type EventDraft = {
  [K in NodeEvent["kind"]]: Omit<Extract<NodeEvent, { kind: K }>, "n" | "at">;
}[NodeEvent["kind"]];

/** Acknowledged commands that are kept to recognise late duplicates. */
const INBOX_KEPT = 1000;

export class DaemonStore {
  /** Set when the file was damaged and salvaged on opening. */
  readonly salvage: Salvage | null;
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  /** Cached rows. Each step of a session reads them, and only this process writes them. */
  readonly #read = { sessions: new Map<SessionId, SessionRow>(), workspaces: new Map<WorkspaceId, WorkspaceRow>() };
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();

  constructor(file: string, clock: Clock) {
    const { db, salvage } = openStore(file, clock.now());
    this.#db = db;
    this.#clock = clock;
    this.salvage = salvage;
  }

  close(): void {
    this.#db.close();
  }

  /** Called after a transaction that appended an event. */
  onEvent(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Runs `change` in one transaction; it may append events. */
  transaction<T>(change: () => T): T {
    const before = this.highestEvent();
    let result: T;
    try {
      result = runTransaction(this.#db, change);
    } catch (error) {
      this.#read.sessions.clear();
      this.#read.workspaces.clear();
      throw error;
    }
    if (this.highestEvent() > before) for (const listener of this.#listeners) listener();
    return result;
  }

  // --- events ---

  /** Within a transaction. */
  append(draft: EventDraft): void {
    const n = this.highestEvent() + 1;
    const event = nodeEvent.parse({ ...draft, n, at: this.#clock.now() });
    this.#run(
      "INSERT INTO link_events (n, kind, subject, body) VALUES (?,?,?,?)",
      n,
      event.kind,
      getSubject(draft),
      JSON.stringify(event),
    );
  }

  /** Unacknowledged events above `n`, in order. */
  eventsAfter(n: number): NodeEvent[] {
    return this.#all("SELECT body FROM link_events WHERE n > ? ORDER BY n", n).map((row) =>
      nodeEvent.parse(JSON.parse(String(row["body"]))),
    );
  }

  hasPending(kind: NodeEvent["kind"], subject: string): boolean {
    return this.#get("SELECT 1 FROM link_events WHERE kind = ? AND subject = ?", kind, subject) !== undefined;
  }

  /** Deletes the events that the control plane has acknowledged. */
  forgetEvents(upTo: number): void {
    this.#run("DELETE FROM link_events WHERE n <= ?", upTo);
  }

  /** The highest number ever assigned. */
  highestEvent(): number {
    return Number(this.#get("SELECT seq FROM sqlite_sequence WHERE name = 'link_events'")?.["seq"] ?? 0);
  }

  /**
   * The control plane has seen numbers that this file never assigned: the file that assigned them was lost. The events
   * pending here were never sent; they get new numbers above those.
   */
  renumberAbove(lastEvent: number): void {
    this.transaction(() => {
      const pending = this.eventsAfter(0);
      this.#run("DELETE FROM link_events");
      this.#run(
        "INSERT OR REPLACE INTO sqlite_sequence (rowid, name, seq) VALUES ((SELECT rowid FROM sqlite_sequence WHERE name = 'link_events'), 'link_events', ?)",
        lastEvent,
      );
      for (const { n: _, at: __, ...draft } of pending) this.append(draft);
    });
  }

  // --- commands ---

  lastCommand(): number {
    return Number(this.#get("SELECT max(n) AS n FROM link_inbox")?.["n"] ?? 0);
  }

  /** Within a transaction. False when the command was recorded before. */
  recordCommand(command: { readonly id: string; readonly n: number; readonly kind: string }): boolean {
    const added = this.#run(
      "INSERT OR IGNORE INTO link_inbox (id, n, kind, received_at) VALUES (?,?,?,?)",
      command.id,
      command.n,
      command.kind,
      this.#clock.now(),
    );
    this.#run("DELETE FROM link_inbox WHERE n <= (SELECT max(n) FROM link_inbox) - ?", INBOX_KEPT);
    return added === 1;
  }

  /** Command numbers restart with each epoch. */
  enterEpoch(epoch: number): void {
    this.transaction(() => {
      if (this.fact("epoch") === String(epoch)) return;
      this.#run("DELETE FROM link_inbox");
      this.setFact("epoch", String(epoch));
    });
  }

  fact(name: FactName): string | null {
    const value = this.#get("SELECT value FROM facts WHERE name = ?", name)?.["value"];
    return typeof value === "string" ? value : null;
  }

  setFact(name: FactName, value: string): void {
    this.#run(
      "INSERT INTO facts (name, value) VALUES (?,?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      name,
      value,
    );
  }

  // --- workspaces ---

  workspaces(): WorkspaceRow[] {
    return this.#all("SELECT * FROM workspaces ORDER BY id").map((row) => workspaceRow.parse(row));
  }

  workspace(id: WorkspaceId): WorkspaceRow | null {
    const known = this.#read.workspaces.get(id);
    if (known !== undefined) return known;
    const row = this.#get("SELECT * FROM workspaces WHERE id = ?", id);
    if (row === undefined) return null;
    const workspace = workspaceRow.parse(row);
    this.#read.workspaces.set(id, workspace);
    return workspace;
  }

  addWorkspace(args: WorkspaceCreateArgs, directoryName: string): void {
    this.#run(
      "INSERT OR IGNORE INTO workspaces (id, directory_name, args, state, updated_at) VALUES (?,?,?,'creating',?)",
      args.workspaceId,
      directoryName,
      JSON.stringify(args),
      this.#clock.now(),
    );
  }

  setWorkspace(
    id: WorkspaceId,
    change: { readonly state: WorkspaceRow["state"]; readonly branch?: string; readonly baseCommit?: string },
  ): void {
    this.#read.workspaces.delete(id);
    this.#run(
      "UPDATE workspaces SET state = ?, branch = coalesce(?, branch), base_commit = coalesce(?, base_commit), updated_at = ? WHERE id = ?",
      change.state,
      change.branch ?? null,
      change.baseCommit ?? null,
      this.#clock.now(),
      id,
    );
  }

  /** Deletes the workspace and its sessions. */
  removeWorkspace(id: WorkspaceId): void {
    this.#read.workspaces.delete(id);
    this.#read.sessions.clear();
    this.#run("DELETE FROM agent_sessions WHERE workspace_id = ?", id);
    this.#run("DELETE FROM workspaces WHERE id = ?", id);
  }

  // --- sessions ---

  sessions(): SessionRow[] {
    return this.#all("SELECT * FROM agent_sessions ORDER BY id").map((row) => sessionRow.parse(row));
  }

  session(id: SessionId): SessionRow | null {
    const known = this.#read.sessions.get(id);
    if (known !== undefined) return known;
    const row = this.#get("SELECT * FROM agent_sessions WHERE id = ?", id);
    if (row === undefined) return null;
    const session = sessionRow.parse(row);
    this.#read.sessions.set(id, session);
    return session;
  }

  addSession(args: SessionStartArgs): void {
    this.#run(
      "INSERT OR IGNORE INTO agent_sessions (id, workspace_id, args, phase, updated_at) VALUES (?,?,?,'accepted',?)",
      args.sessionId,
      args.workspaceId,
      JSON.stringify(args),
      this.#clock.now(),
    );
  }

  /** Changes only the given fields. */
  setSession(id: SessionId, change: SessionChange): void {
    this.#read.sessions.delete(id);
    const columns: [string, SQLInputValue][] = [["updated_at", this.#clock.now()]];
    if (change.phase !== undefined) columns.push(["phase", change.phase]);
    if (change.cancelReason !== undefined) columns.push(["cancel_reason", change.cancelReason]);
    if (change.startReported !== undefined) columns.push(["start_reported", change.startReported ? 1 : 0]);
    if (change.launches !== undefined) columns.push(["launches", change.launches]);
    if (change.mark !== undefined) columns.push(["mark", change.mark]);
    if (change.process !== undefined) columns.push(["process", JSON.stringify(change.process)]);
    if (change.reportedEnd !== undefined) columns.push(["reported_end", JSON.stringify(change.reportedEnd)]);
    if (change.finish !== undefined) columns.push(["finish", JSON.stringify(change.finish)]);
    this.#run(
      `UPDATE agent_sessions SET ${columns.map(([name]) => `${name} = ?`).join(", ")} WHERE id = ?`,
      ...columns.map(([, value]) => value),
      id,
    );
  }

  #run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...values).changes);
  }
  #get(sql: string, ...values: SQLInputValue[]) {
    return this.#statement(sql).get(...values);
  }
  #all(sql: string, ...values: SQLInputValue[]) {
    return this.#statement(sql).all(...values);
  }
  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#db.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

/** `last_agent`: the recipe of the most recent session. `standby_directory`: the directory of the most recent idle standby host. */
type FactName = "epoch" | "draining" | "last_agent" | "standby_directory";

export interface SessionChange {
  readonly phase?: SessionRow["phase"];
  readonly cancelReason?: string;
  readonly startReported?: boolean;
  readonly launches?: number;
  readonly process?: ProcessMark;
  readonly mark?: string;
  readonly reportedEnd?: ReportedEnd;
  readonly finish?: NonNullable<SessionRow["finish"]>;
}

/** The id of the session or workspace that an event concerns. */
function getSubject(draft: EventDraft): string {
  if ("sessionId" in draft) return draft.sessionId;
  return draft.workspaceId ?? "node";
}
