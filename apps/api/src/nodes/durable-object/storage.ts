/** The state of a NodeLifecycle object, in its SQLite. Synchronous, so that related changes are one transaction. */
import type { Millis, NodeId, RunId, SessionId, UserId, WorkspaceId } from "@samovar/base";
import { command, NOTHING_METERED } from "@samovar/contracts";
import type {
  AgentCapabilities,
  Command,
  CommandDraft,
  MeteredUsage,
  OutboxStats,
  ProviderName,
  VmSize,
} from "@samovar/contracts";
import { mergeMetered } from "@samovar/domain/metering";
import type { LinkState, WorkspaceFacts } from "@samovar/domain/node-link";
import { NEW_LINK, NEW_WORKSPACE } from "@samovar/domain/node-link";
import type { NodeRecord, SlotLease } from "@samovar/domain/node-record";

export interface NodeIdentity {
  readonly nodeId: NodeId;
  readonly ownerId: UserId;
  readonly name: string;
  readonly provider: ProviderName;
  readonly size: VmSize;
}

export interface StoredNode {
  readonly identity: NodeIdentity;
  readonly record: NodeRecord;
  readonly version: number;
}

export interface StoredWorkspace {
  readonly lease: SlotLease;
  readonly facts: WorkspaceFacts;
}

export interface PendingSignal {
  readonly runId: RunId;
  readonly stamp: number;
  readonly attempts: number;
}

/** Capabilities that an agent reported and D1 does not have yet. */
export interface PendingCapabilities {
  readonly workspaceId: WorkspaceId;
  readonly capabilities: AgentCapabilities;
  readonly reportedAt: Millis;
  readonly attempts: number;
}

/** What a session has metered and D1 does not have yet. */
export interface PendingMetering {
  readonly lease: SlotLease;
  readonly metered: MeteredUsage;
  readonly stamp: number;
  readonly dueAt: Millis;
  readonly attempts: number;
}

/** A change of whether a workspace may deliver that its project's object does not have yet. */
export interface PendingDeliverer {
  readonly lease: SlotLease;
  readonly deliverUntil: Millis | null;
  readonly stamp: number;
  readonly attempts: number;
}

export class NodeStorage {
  readonly #sql: SqlStorage;
  readonly #storage: DurableObjectStorage;

  readonly #onRollback: () => void;

  constructor(storage: DurableObjectStorage, onRollback: () => void = () => undefined) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.#onRollback = onRollback;
  }

  /** All or nothing. */
  atomically<T>(work: () => T): T {
    try {
      return this.#storage.transactionSync(work);
    } catch (error) {
      this.#onRollback();
      throw error;
    }
  }

  node(): StoredNode | null {
    const row = this.#first<{ identity: string; record: string; version: number }>(
      "SELECT identity, record, version FROM node",
    );
    if (row === null) return null;
    // Earlier nodes have no recorded provider; they are at Hetzner.
    const { provider = "hetzner", ...identity } = stored<Omit<NodeIdentity, "provider"> & Partial<NodeIdentity>>(
      row.identity,
    );
    return { identity: { ...identity, provider }, record: stored(row.record), version: row.version };
  }

  saveNode({ identity, record, version }: StoredNode): void {
    this.#sql.exec(
      "INSERT INTO node (one, identity, record, version) VALUES (1, ?, ?, ?) ON CONFLICT (one) DO UPDATE SET record = excluded.record, version = excluded.version",
      JSON.stringify(identity),
      JSON.stringify(record),
      version,
    );
  }

  link(): { readonly state: LinkState; readonly connection: string | null } {
    const row = this.#first<{ state: string; connection: string | null }>("SELECT state, connection FROM link");
    return row === null
      ? { state: NEW_LINK, connection: null }
      : { state: stored(row.state), connection: row.connection };
  }

  saveLink(state: LinkState, connection: string | null): void {
    this.#sql.exec(
      "INSERT INTO link (one, state, connection) VALUES (1, ?, ?) ON CONFLICT (one) DO UPDATE SET state = excluded.state, connection = excluded.connection",
      JSON.stringify(state),
      connection,
    );
  }

  /** The number of the command with this id, or null. */
  commandNumber(id: string): number | null {
    return this.#first<{ n: number }>("SELECT n FROM commands WHERE id = ?", id)?.n ?? null;
  }

  addCommand(n: number, draft: CommandDraft, now: Millis): void {
    this.#sql.exec(
      "INSERT INTO commands (n, id, kind, args, queued_at) VALUES (?, ?, ?, ?, ?)",
      n,
      draft.id,
      draft.kind,
      JSON.stringify(draft.args),
      now,
    );
  }

  command(n: number): Command | null {
    const row = this.#first<{ n: number; id: string; kind: string; args: string }>(
      "SELECT n, id, kind, args FROM commands WHERE n = ?",
      n,
    );
    return row === null ? null : command.parse({ ...row, args: JSON.parse(row.args) });
  }

  workspace(workspaceId: WorkspaceId): StoredWorkspace | null {
    const row = this.#first<{ lease: string; facts: string }>(
      "SELECT lease, facts FROM workspaces WHERE workspace_id = ?",
      workspaceId,
    );
    return row === null ? null : { lease: stored(row.lease), facts: stored(row.facts) };
  }

  addWorkspace(lease: SlotLease): void {
    this.#sql.exec(
      "INSERT INTO workspaces (workspace_id, lease, facts) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
      lease.workspaceId,
      JSON.stringify(lease),
      JSON.stringify(NEW_WORKSPACE),
    );
  }

  saveFacts(workspaceId: WorkspaceId, facts: WorkspaceFacts): void {
    this.#sql.exec("UPDATE workspaces SET facts = ? WHERE workspace_id = ?", JSON.stringify(facts), workspaceId);
  }

  /** Destroyed workspaces whose row in D1 does not say so yet. */
  destroyedUnprojected(): readonly WorkspaceId[] {
    const rows = this.#sql
      .exec<{ lease: string }>(
        "SELECT lease FROM workspaces WHERE projected = 0 AND json_extract(facts, '$.state') = 'destroyed' LIMIT 50",
      )
      .toArray();
    return rows.map((row) => stored<SlotLease>(row.lease).workspaceId);
  }

  markProjected(workspaceId: WorkspaceId): void {
    this.#sql.exec("UPDATE workspaces SET projected = 1 WHERE workspace_id = ?", workspaceId);
  }

  /** Workspaces that hold no slot any more may deliver until `until`; those that hold one, without an end. */
  setDeliverers(holding: readonly WorkspaceId[], until: Millis): void {
    const ids = JSON.stringify(holding);
    this.#sql.exec(
      "UPDATE workspaces SET deliver_until = ?, deliverer_stamp = deliverer_stamp + 1 WHERE deliver_until IS NULL AND workspace_id NOT IN (SELECT value FROM json_each(?))",
      until,
      ids,
    );
    this.#sql.exec(
      "UPDATE workspaces SET deliver_until = NULL, deliverer_stamp = deliverer_stamp + 1 WHERE deliver_until IS NOT NULL AND workspace_id IN (SELECT value FROM json_each(?))",
      ids,
    );
  }

  pendingDeliverers(): readonly PendingDeliverer[] {
    return this.#sql
      .exec<{ lease: string; deliver_until: number | null; deliverer_stamp: number; deliverer_attempts: number }>(
        "SELECT lease, deliver_until, deliverer_stamp, deliverer_attempts FROM workspaces WHERE deliverer_reported < deliverer_stamp LIMIT 50",
      )
      .toArray()
      .map((row) => ({
        lease: stored(row.lease),
        deliverUntil: row.deliver_until,
        stamp: row.deliverer_stamp,
        attempts: row.deliverer_attempts,
      }));
  }

  /** A change that was made in the meantime stays pending. */
  markDelivererReported({ lease, stamp }: PendingDeliverer): void {
    this.#sql.exec(
      "UPDATE workspaces SET deliverer_reported = ?, deliverer_attempts = 0 WHERE workspace_id = ?",
      stamp,
      lease.workspaceId,
    );
  }

  countDelivererAttempt({ lease }: PendingDeliverer): void {
    this.#sql.exec(
      "UPDATE workspaces SET deliverer_attempts = deliverer_attempts + 1 WHERE workspace_id = ?",
      lease.workspaceId,
    );
  }

  /** Projects that ever had a slot here; their viewers receive this node's events. */
  audience(): readonly SlotLease["projectId"][] {
    const rows = this.#sql.exec<{ lease: string }>("SELECT lease FROM workspaces").toArray();
    return [...new Set(rows.map((row) => stored<SlotLease>(row.lease).projectId))];
  }

  /** Returns whether anything changed. */
  saveOutbox(sessionId: SessionId, stats: OutboxStats): boolean {
    const text = JSON.stringify(stats);
    const { rowsWritten } = this.#sql.exec(
      "INSERT INTO outboxes (session_id, stats) VALUES (?, ?) ON CONFLICT (session_id) DO UPDATE SET stats = excluded.stats WHERE stats <> excluded.stats",
      sessionId,
      text,
    );
    return rowsWritten > 0;
  }

  /** Null if the session has reported none. */
  sessionOutbox(sessionId: SessionId): OutboxStats | null {
    const row = this.#first<{ stats: string }>("SELECT stats FROM outboxes WHERE session_id = ?", sessionId);
    return row === null ? null : stored(row.stats);
  }

  /** The total of all sessions' outboxes. */
  outbox(): OutboxStats {
    const rows = this.#sql
      .exec<{ stats: string }>("SELECT stats FROM outboxes")
      .toArray()
      .map((row) => stored<OutboxStats>(row.stats));
    return {
      pending: rows.reduce((sum, each) => sum + each.pending, 0),
      deadLetters: rows.reduce((sum, each) => sum + each.deadLetters, 0),
      lastDeadLetterReason: rows.findLast((each) => each.lastDeadLetterReason !== null)?.lastDeadLetterReason ?? null,
    };
  }

  addSignal(runId: RunId): void {
    this.#sql.exec(
      "INSERT INTO signals (run_id, stamp, attempts) VALUES (?, 1, 0) ON CONFLICT (run_id) DO UPDATE SET stamp = stamp + 1",
      runId,
    );
  }

  signals(): readonly PendingSignal[] {
    const rows = this.#sql
      .exec<{ run_id: string; stamp: number; attempts: number }>("SELECT run_id, stamp, attempts FROM signals")
      .toArray();
    return rows.map((row) => ({ runId: row.run_id as RunId, stamp: row.stamp, attempts: row.attempts }));
  }

  /** A signal that was requested again in the meantime stays. */
  removeSignal({ runId, stamp }: PendingSignal): void {
    this.#sql.exec("DELETE FROM signals WHERE run_id = ? AND stamp = ?", runId, stamp);
  }

  countSignalAttempt({ runId }: PendingSignal): void {
    this.#sql.exec("UPDATE signals SET attempts = attempts + 1 WHERE run_id = ?", runId);
  }

  addCapabilities(workspaceId: WorkspaceId, capabilities: AgentCapabilities, reportedAt: Millis): void {
    this.#sql.exec(
      "INSERT INTO capabilities (workspace_id, capabilities, reported_at, attempts) VALUES (?, ?, ?, 0) ON CONFLICT (workspace_id) DO UPDATE SET capabilities = excluded.capabilities, reported_at = excluded.reported_at",
      workspaceId,
      JSON.stringify(capabilities),
      reportedAt,
    );
  }

  pendingCapabilities(): readonly PendingCapabilities[] {
    return this.#sql
      .exec<{ workspace_id: string; capabilities: string; reported_at: number; attempts: number }>(
        "SELECT workspace_id, capabilities, reported_at, attempts FROM capabilities ORDER BY reported_at LIMIT 20",
      )
      .toArray()
      .map((row) => ({
        workspaceId: row.workspace_id as WorkspaceId,
        capabilities: stored(row.capabilities),
        reportedAt: row.reported_at,
        attempts: row.attempts,
      }));
  }

  /** Capabilities that were reported again in the meantime stay pending. */
  removeCapabilities({ workspaceId, reportedAt }: PendingCapabilities): void {
    this.#sql.exec("DELETE FROM capabilities WHERE workspace_id = ? AND reported_at = ?", workspaceId, reportedAt);
  }

  countCapabilitiesAttempt({ workspaceId }: PendingCapabilities): void {
    this.#sql.exec("UPDATE capabilities SET attempts = attempts + 1 WHERE workspace_id = ?", workspaceId);
  }

  /** Keeps the larger of each number. It is written when the time after the run's last write is over. */
  addMetering(lease: SlotLease, reported: MeteredUsage, now: Millis): void {
    const row = this.#first<{ metered: string }>(
      "SELECT metered FROM metering WHERE workspace_id = ?",
      lease.workspaceId,
    );
    const text = JSON.stringify(mergeMetered(row === null ? NOTHING_METERED : stored(row.metered), reported));
    if (text === row?.metered) return;
    this.#sql.exec(
      "INSERT INTO metering (workspace_id, lease, metered, stamp, due_at) VALUES (?, ?, ?, 1, ?) ON CONFLICT (workspace_id) DO UPDATE SET metered = excluded.metered, stamp = stamp + 1",
      lease.workspaceId,
      JSON.stringify(lease),
      text,
      now,
    );
  }

  /** The session has ended: what it has metered is due at once. */
  hastenMetering(workspaceId: WorkspaceId): void {
    this.#sql.exec("UPDATE metering SET due_at = 0 WHERE workspace_id = ? AND written < stamp", workspaceId);
  }

  pendingMetering(): readonly PendingMetering[] {
    return this.#sql
      .exec<{ lease: string; metered: string; stamp: number; due_at: number; attempts: number }>(
        "SELECT lease, metered, stamp, due_at, attempts FROM metering WHERE written < stamp ORDER BY due_at LIMIT 50",
      )
      .toArray()
      .map((row) => ({
        lease: stored(row.lease),
        metered: stored(row.metered),
        stamp: row.stamp,
        dueAt: row.due_at,
        attempts: row.attempts,
      }));
  }

  /** What was metered in the meantime stays pending until `nextAt`. */
  markMeteringWritten({ lease, stamp }: PendingMetering, nextAt: Millis): void {
    this.#sql.exec(
      "UPDATE metering SET written = ?, due_at = ?, attempts = 0 WHERE workspace_id = ?",
      stamp,
      nextAt,
      lease.workspaceId,
    );
  }

  countMeteringAttempt({ lease }: PendingMetering, retryAt: Millis): void {
    this.#sql.exec(
      "UPDATE metering SET attempts = attempts + 1, due_at = ? WHERE workspace_id = ?",
      retryAt,
      lease.workspaceId,
    );
  }

  /** Queued runs are to be woken. */
  addQueueWake(): void {
    this.#sql.exec(
      "INSERT INTO queue_wake (one, stamp, attempts) VALUES (1, 1, 0) ON CONFLICT (one) DO UPDATE SET stamp = stamp + 1",
    );
  }

  pendingQueueWakes(): readonly { readonly stamp: number; readonly attempts: number }[] {
    return this.#sql.exec<{ stamp: number; attempts: number }>("SELECT stamp, attempts FROM queue_wake").toArray();
  }

  /** A wake-up that was requested again in the meantime stays. */
  removeQueueWake(stamp: number): void {
    this.#sql.exec("DELETE FROM queue_wake WHERE stamp = ?", stamp);
  }

  countQueueWakeAttempt(): void {
    this.#sql.exec("UPDATE queue_wake SET attempts = attempts + 1");
  }

  projection(): { readonly version: number; readonly attempts: number } {
    return (
      this.#first<{ version: number; attempts: number }>("SELECT version, attempts FROM projection") ?? {
        version: 0,
        attempts: 0,
      }
    );
  }

  saveProjection(version: number, attempts: number): void {
    this.#sql.exec(
      "INSERT INTO projection (one, version, attempts) VALUES (1, ?, ?) ON CONFLICT (one) DO UPDATE SET version = excluded.version, attempts = excluded.attempts",
      version,
      attempts,
    );
  }

  addBootstrapToken(hash: string, expiresAt: Millis): void {
    this.#sql.exec("INSERT INTO bootstrap_tokens (hash, expires_at) VALUES (?, ?)", hash, expiresAt);
  }

  bootstrapToken(hash: string): { readonly expiresAt: Millis } | null {
    const row = this.#first<{ expires_at: number }>("SELECT expires_at FROM bootstrap_tokens WHERE hash = ?", hash);
    return row === null ? null : { expiresAt: row.expires_at };
  }

  bootstrapClaim(): { readonly tokenHash: string; readonly claimHash: string } | null {
    const row = this.#first<{ token_hash: string; claim_hash: string }>(
      "SELECT token_hash, claim_hash FROM bootstrap_claim",
    );
    return row === null ? null : { tokenHash: row.token_hash, claimHash: row.claim_hash };
  }

  saveBootstrapClaim(tokenHash: string, claimHash: string, now: Millis): void {
    this.#sql.exec(
      "INSERT INTO bootstrap_claim (one, token_hash, claim_hash, at) VALUES (1, ?, ?, ?)",
      tokenHash,
      claimHash,
      now,
    );
  }

  /** Records what was refused; only the newest hundred entries stay. */
  addRefusal(kind: string, detail: string, now: Millis): void {
    this.#sql.exec("INSERT INTO refusals (at, kind, detail) VALUES (?, ?, ?)", now, kind, detail.slice(0, 500));
    this.#sql.exec("DELETE FROM refusals WHERE rowid <= (SELECT max(rowid) - 100 FROM refusals)");
  }

  refusals(): readonly { readonly at: Millis; readonly kind: string; readonly detail: string }[] {
    return this.#sql
      .exec<{ at: number; kind: string; detail: string }>("SELECT at, kind, detail FROM refusals ORDER BY rowid")
      .toArray();
  }

  #first<T extends Record<string, SqlStorageValue>>(query: string, ...bindings: readonly SqlStorageValue[]): T | null {
    return this.#sql.exec<T>(query, ...bindings).toArray()[0] ?? null;
  }
}

/** Only this object writes these texts, and migrations keep their shape. */
function stored<T>(text: string): T {
  return JSON.parse(text) as T;
}
