/** What must outlive a session-host besides its messages: whose session it is, and how far the agent's life came. */
import type { DatabaseSync } from "node:sqlite";
import type { Millis, MessageId, NodeId, ProjectId, SessionId, WorkspaceId } from "@samovar/base";
import type { HostEnd, MeteredUsage } from "@samovar/contracts";
import { hostEnd, messageId, meteredUsage, NOTHING_METERED } from "@samovar/contracts";

/** Immutable for the file's life: rows of one session never reach another. */
export interface SessionIdentity {
  readonly workspaceId: WorkspaceId;
  readonly sessionId: SessionId;
  readonly projectId: ProjectId;
  readonly nodeId: NodeId;
  readonly epoch: number;
}

export interface SessionLife {
  /** When the agent was about to be started; it is started once only. */
  readonly beganAt: Millis | null;
  readonly agentPid: number | null;
  readonly startedAt: Millis | null;
  readonly end: HostEnd | null;
  /** Whether the transcript takes no more messages. */
  readonly closed: boolean;
  /** The text in flight at the last commit. */
  readonly current: MessageId | null;
  readonly metered: MeteredUsage;
}

export class SessionRecord {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** Throws when the file belongs to another session. */
  claim(identity: SessionIdentity): void {
    const { workspaceId, sessionId, projectId, nodeId, epoch } = identity;
    this.#db
      .prepare("INSERT OR IGNORE INTO identity VALUES (1, ?, ?, ?, ?, ?)")
      .run(workspaceId, sessionId, projectId, nodeId, epoch);
    const row = this.#db.prepare("SELECT * FROM identity").get();
    if (row?.["session"] !== sessionId || row["workspace"] !== workspaceId) {
      throw new Error(`the outbox file belongs to session ${String(row?.["session"])}`);
    }
  }

  life(): SessionLife {
    const row = this.#db.prepare("SELECT * FROM life").get() ?? {};
    const { end, metered } = row;
    return {
      beganAt: numberOrNull(row["began_at"]),
      agentPid: numberOrNull(row["agent_pid"]),
      startedAt: numberOrNull(row["started_at"]),
      end: typeof end === "string" ? hostEnd.parse(JSON.parse(end)) : null,
      closed: row["closed"] === 1,
      current: messageId.nullable().parse(row["current"] ?? null),
      metered: typeof metered === "string" ? meteredUsage.parse(JSON.parse(metered)) : NOTHING_METERED,
    };
  }

  began(at: Millis): void {
    this.#db.prepare("UPDATE life SET began_at = ?").run(at);
  }

  agentSpawned(pid: number): void {
    this.#db.prepare("UPDATE life SET agent_pid = ?").run(pid);
  }

  started(at: Millis): void {
    this.#db.prepare("UPDATE life SET started_at = ? WHERE started_at IS NULL").run(at);
  }

  /** The first end stands. */
  ended(end: HostEnd): void {
    this.#db.prepare("UPDATE life SET end = ? WHERE end IS NULL").run(JSON.stringify(end));
  }

  /** What the gateway has metered so far. */
  metered(usage: MeteredUsage): void {
    this.#db.prepare("UPDATE life SET metered = ?").run(JSON.stringify(usage));
  }

  closed(): void {
    this.#db.prepare("UPDATE life SET closed = 1").run();
  }
}

const numberOrNull = (value: unknown): number | null => (typeof value === "number" ? value : null);
