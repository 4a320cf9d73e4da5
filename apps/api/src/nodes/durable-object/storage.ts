/** Everything a NodeLifecycle object remembers, in its SQLite. Synchronous: what belongs together is one transaction. */
import type { Millis, NodeId, RunId, SessionId, UserId, WorkspaceId } from "@samovar/base";
import { command } from "@samovar/contracts";
import type { AgentCapabilities, Command, CommandDraft, OutboxStats, VmSize } from "@samovar/contracts";
import type { LinkState, WorkspaceFacts } from "@samovar/domain/node-link";
import { NEW_LINK, NEW_WORKSPACE } from "@samovar/domain/node-link";
import type { NodeRecord, SlotLease } from "@samovar/domain/node-record";

export interface NodeIdentity {
  readonly nodeId: NodeId;
  readonly ownerId: UserId;
  readonly name: string;
  readonly size: VmSize;
}

export interface StoredNode {
  readonly identity: NodeIdentity;
  readonly record: NodeRecord;
  readonly version: number;
}

export interface StoredWorkspace {
  readonly lease: SlotLease;
  readonly told: WorkspaceFacts;
}

export interface Nudge {
  readonly runId: RunId;
  readonly stamp: number;
  readonly attempts: number;
}

/** What an agent let its owner choose from, until D1 has it. */
export interface OwedOffers {
  readonly workspaceId: WorkspaceId;
  readonly capabilities: AgentCapabilities;
  readonly toldAt: Millis;
  readonly attempts: number;
}

export class NodeStorage {
  readonly #sql: SqlStorage;
  readonly #storage: DurableObjectStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
  }

  /** All or nothing. */
  atomically<T>(work: () => T): T {
    return this.#storage.transactionSync(work);
  }

  node(): StoredNode | null {
    const row = this.#first<{ identity: string; record: string; version: number }>(
      "SELECT identity, record, version FROM node",
    );
    return row === null ? null : { identity: stored(row.identity), record: stored(row.record), version: row.version };
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

  /** The number that a command of this id has, or null. */
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
    const row = this.#first<{ lease: string; told: string }>(
      "SELECT lease, told FROM workspaces WHERE workspace_id = ?",
      workspaceId,
    );
    return row === null ? null : { lease: stored(row.lease), told: stored(row.told) };
  }

  addWorkspace(lease: SlotLease): void {
    this.#sql.exec(
      "INSERT INTO workspaces (workspace_id, lease, told) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
      lease.workspaceId,
      JSON.stringify(lease),
      JSON.stringify(NEW_WORKSPACE),
    );
  }

  saveTold(workspaceId: WorkspaceId, told: WorkspaceFacts): void {
    this.#sql.exec("UPDATE workspaces SET told = ? WHERE workspace_id = ?", JSON.stringify(told), workspaceId);
  }

  /** Workspaces that are destroyed and whose row does not say so yet. */
  destroyedUnprojected(): readonly WorkspaceId[] {
    const rows = this.#sql
      .exec<{ lease: string }>(
        "SELECT lease FROM workspaces WHERE projected = 0 AND json_extract(told, '$.state') = 'destroyed' LIMIT 50",
      )
      .toArray();
    return rows.map((row) => stored<SlotLease>(row.lease).workspaceId);
  }

  markProjected(workspaceId: WorkspaceId): void {
    this.#sql.exec("UPDATE workspaces SET projected = 1 WHERE workspace_id = ?", workspaceId);
  }

  /** Projects that ever had a slot here: their pages show this node. */
  audience(): readonly SlotLease["projectId"][] {
    const rows = this.#sql.exec<{ lease: string }>("SELECT lease FROM workspaces").toArray();
    return [...new Set(rows.map((row) => stored<SlotLease>(row.lease).projectId))];
  }

  /** Whether anything changed. */
  saveOutbox(sessionId: SessionId, stats: OutboxStats): boolean {
    const text = JSON.stringify(stats);
    const { rowsWritten } = this.#sql.exec(
      "INSERT INTO outboxes (session_id, stats) VALUES (?, ?) ON CONFLICT (session_id) DO UPDATE SET stats = excluded.stats WHERE stats <> excluded.stats",
      sessionId,
      text,
    );
    return rowsWritten > 0;
  }

  /** All sessions' outboxes together. */
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

  addNudge(runId: RunId): void {
    this.#sql.exec(
      "INSERT INTO nudges (run_id, stamp, attempts) VALUES (?, 1, 0) ON CONFLICT (run_id) DO UPDATE SET stamp = stamp + 1",
      runId,
    );
  }

  nudges(): readonly Nudge[] {
    const rows = this.#sql
      .exec<{ run_id: string; stamp: number; attempts: number }>("SELECT run_id, stamp, attempts FROM nudges")
      .toArray();
    return rows.map((row) => ({ runId: row.run_id as RunId, stamp: row.stamp, attempts: row.attempts }));
  }

  /** A nudge that was asked for again in the meantime stays. */
  nudgeArrived({ runId, stamp }: Nudge): void {
    this.#sql.exec("DELETE FROM nudges WHERE run_id = ? AND stamp = ?", runId, stamp);
  }

  nudgeFailed({ runId }: Nudge): void {
    this.#sql.exec("UPDATE nudges SET attempts = attempts + 1 WHERE run_id = ?", runId);
  }

  oweOffers(workspaceId: WorkspaceId, capabilities: AgentCapabilities, toldAt: Millis): void {
    this.#sql.exec(
      "INSERT INTO offers (workspace_id, capabilities, told_at, attempts) VALUES (?, ?, ?, 0) ON CONFLICT (workspace_id) DO UPDATE SET capabilities = excluded.capabilities, told_at = excluded.told_at",
      workspaceId,
      JSON.stringify(capabilities),
      toldAt,
    );
  }

  owedOffers(): readonly OwedOffers[] {
    return this.#sql
      .exec<{ workspace_id: string; capabilities: string; told_at: number; attempts: number }>(
        "SELECT workspace_id, capabilities, told_at, attempts FROM offers ORDER BY told_at LIMIT 20",
      )
      .toArray()
      .map((row) => ({
        workspaceId: row.workspace_id as WorkspaceId,
        capabilities: stored(row.capabilities),
        toldAt: row.told_at,
        attempts: row.attempts,
      }));
  }

  /** Offers that were told anew in the meantime stay owed. */
  offersPaid({ workspaceId, toldAt }: OwedOffers): void {
    this.#sql.exec("DELETE FROM offers WHERE workspace_id = ? AND told_at = ?", workspaceId, toldAt);
  }

  offersFailed({ workspaceId }: OwedOffers): void {
    this.#sql.exec("UPDATE offers SET attempts = attempts + 1 WHERE workspace_id = ?", workspaceId);
  }

  /** Those who wait in line are to hear of room here. */
  addRoom(): void {
    this.#sql.exec(
      "INSERT INTO room (one, stamp, attempts) VALUES (1, 1, 0) ON CONFLICT (one) DO UPDATE SET stamp = stamp + 1",
    );
  }

  owedRoom(): readonly { readonly stamp: number; readonly attempts: number }[] {
    return this.#sql.exec<{ stamp: number; attempts: number }>("SELECT stamp, attempts FROM room").toArray();
  }

  /** Room that came in the meantime is still to be told. */
  roomTold(stamp: number): void {
    this.#sql.exec("DELETE FROM room WHERE stamp = ?", stamp);
  }

  roomFailed(): void {
    this.#sql.exec("UPDATE room SET attempts = attempts + 1");
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

  /** What was refused at the door; the newest hundred are kept. */
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

/** Written by this object alone, in this shape; migrations keep it so. */
function stored<T>(text: string): T {
  return JSON.parse(text) as T;
}
