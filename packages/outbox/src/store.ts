/**
 * A session's unsent messages, in SQLite: growth is committed with its place in the order, and a row leaves only
 * when the store has its final revision, or into the dead letter. Keeps M1, M2.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Millis, MessageId, SessionId } from "@samovar/base";
import { assertNever } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import type { DeliveryReply, OutboxStats, TranscriptDigest } from "@samovar/contracts";
import { hashMessage, digestTranscript } from "@samovar/domain/transcript-digest";
import type { EmittedMessage } from "@samovar/domain/emitted-message";
import type { Batch, BatchLimits, OutboxRow, RowOutcome, SentRow } from "@samovar/domain/outbox";
import { resolveRow, planBatch } from "@samovar/domain/outbox";
import type { Row } from "@samovar/sqlite";
import { runTransaction } from "@samovar/sqlite";
import { readRow, toColumns } from "./rows.ts";

const ERROR_MAX_CHARS = 500;

export class OutboxStore {
  readonly #db: DatabaseSync;
  readonly sessionId: SessionId;
  readonly #prepared = new Map<string, StatementSync>();
  #nextSeq: number;
  #digest: { readonly upTo: number; readonly digest: TranscriptDigest } | null = null;

  constructor(db: DatabaseSync, sessionId: SessionId) {
    this.#db = db;
    this.sessionId = sessionId;
    this.#nextSeq =
      1 +
      this.#number(`SELECT max(coalesce((SELECT max(seq) FROM outbox), 0),
      coalesce((SELECT max(seq) FROM transcript), 0), coalesce((SELECT max(seq) FROM dead_letter), 0)) AS n`);
  }

  /**
   * Takes messages that began or grew, in order, and does `also` with them or not at all. `current`: the text in
   * flight. Throws SQLite's error, with nothing taken.
   */
  commit(messages: readonly EmittedMessage[], current: MessageId | null, also: () => void = () => {}): void {
    const before = this.#nextSeq;
    try {
      runTransaction(this.#db, () => {
        for (const message of messages) this.#take(message);
        this.#sql("UPDATE life SET current = ? WHERE current IS NOT ?").run(current, current);
        also();
      });
    } catch (error) {
      this.#nextSeq = before;
      throw error;
    }
    if (messages.some((message) => message.final)) this.#digest = null;
  }

  /** Whether a message of this id was ever taken. */
  has(id: MessageId): boolean {
    return (
      this.#number(
        "SELECT (SELECT count(*) FROM outbox WHERE message_id = ?1) + (SELECT count(*) FROM transcript WHERE message_id = ?1) + (SELECT count(*) FROM dead_letter WHERE message_id = ?1) AS n",
        id,
      ) > 0
    );
  }

  /** What to send now, or null. A partly sent row is moved past the revision that carries the part. */
  nextBatch(limits: BatchLimits): Batch | null {
    return runTransaction(this.#db, () => {
      const rows = this.#pending(limits.rows);
      if (rows.length === 0) return null;
      const batch = planBatch(this.sessionId, rows, limits);
      for (const part of batch.sent) {
        this.#sql("UPDATE outbox SET attempts = attempts + 1, revision = revision + ? WHERE message_id = ?").run(
          part.whole ? 0 : 1,
          part.messageId,
        );
      }
      return batch;
    });
  }

  /** Applies the store's delivery results; returns whether some rows must be sent again at once. */
  applyReply(sent: readonly SentRow[], reply: DeliveryReply, now: Millis): { readonly again: boolean } {
    return runTransaction(this.#db, () => {
      let again = false;
      for (const [index, part] of sent.entries()) {
        const result = reply.results[index];
        const row = this.#row(part.messageId);
        if (result === undefined || row === null) continue;
        const outcome = resolveRow(row, part, result);
        this.#apply(row.messageId, outcome, now);
        again ||= outcome.kind === "rewound";
      }
      return { again };
    });
  }

  /** Records why rows could not be sent; they stay. */
  failed(sent: readonly SentRow[], reason: string): void {
    runTransaction(this.#db, () => {
      for (const part of sent)
        this.#sql("UPDATE outbox SET last_error = ? WHERE message_id = ?").run(
          reason.slice(0, ERROR_MAX_CHARS),
          part.messageId,
        );
    });
  }

  /** Moves one row to the dead letters, where it stays visible. */
  moveToDeadLetter(id: MessageId, reason: string, now: Millis): void {
    runTransaction(this.#db, () => this.#apply(id, { kind: "dead", reason }, now));
  }

  /** Drops the oldest finished messages until `keep` rows are left; returns how many were dropped. */
  dropOldest(keep: number): number {
    const excess = this.rows() - keep;
    if (excess <= 0) return 0;
    return Number(
      this.#sql(
        "DELETE FROM outbox WHERE message_id IN (SELECT message_id FROM outbox WHERE final = 1 ORDER BY seq LIMIT ?)",
      ).run(excess).changes,
    );
  }

  /** Rows that the store may not have, and messages that still grow. */
  rows(): number {
    return this.#number("SELECT count(*) AS n FROM outbox");
  }

  isDrained(): boolean {
    return (
      this.#number("SELECT count(*) AS n FROM (SELECT 1 FROM outbox WHERE revision > acked_revision LIMIT 1)") === 0
    );
  }

  stats(): OutboxStats {
    const last = this.#sql("SELECT reason FROM dead_letter ORDER BY at DESC, seq DESC LIMIT 1").get()?.["reason"];
    return {
      pending: this.#number("SELECT count(*) AS n FROM outbox WHERE revision > acked_revision"),
      deadLetters: this.#number("SELECT count(*) AS n FROM dead_letter"),
      lastDeadLetterReason: typeof last === "string" ? last : null,
    };
  }

  /** Over everything finished, delivered or not. */
  digest(): TranscriptDigest {
    const upTo = this.#number("SELECT count(*) AS n FROM transcript");
    if (this.#digest?.upTo === upTo) return this.#digest.digest;
    const leaves = this.#sql("SELECT leaf FROM transcript ORDER BY seq")
      .all()
      .map((row) => String(row["leaf"]));
    const digest = digestTranscript(leaves, sha256);
    this.#digest = { upTo, digest };
    return digest;
  }

  /** Messages that are not final, by seq. */
  unfinished(): readonly EmittedMessage[] {
    return this.#sql("SELECT * FROM outbox WHERE final = 0 ORDER BY seq").all().map(readRow);
  }

  #take(message: EmittedMessage): void {
    const columns = toColumns(message);
    const grown = ["outbox", "dead_letter"].some(
      (table) =>
        this.#sql(`UPDATE ${table} SET content = :content, tool_metadata = :tool_metadata, final = :final, interrupted = :interrupted,
          truncated = :truncated, revision = revision + 1 WHERE message_id = :message_id AND final = 0`).run(
          pick(columns, ["content", "tool_metadata", "final", "interrupted", "truncated", "message_id"]),
        ).changes > 0,
    );
    if (!grown) this.#begin(message, columns);
    if (message.final) this.#finish(message);
  }

  #begin(message: EmittedMessage, columns: ReturnType<typeof toColumns>): void {
    this.#sql(`INSERT INTO outbox (message_id, seq, role, kind, content, tool_metadata, revision, final, interrupted, truncated, created_at)
      VALUES (:message_id, :seq, :role, :kind, :content, :tool_metadata, 1, :final, :interrupted, :truncated, :created_at)`).run(
      { ...columns, seq: this.#nextSeq },
    );
    this.#nextSeq += 1;
  }

  #finish(message: EmittedMessage): void {
    const seq = this.#number(
      "SELECT seq AS n FROM outbox WHERE message_id = ?1 UNION SELECT seq FROM dead_letter WHERE message_id = ?1",
      message.messageId,
    );
    this.#sql("INSERT INTO transcript (seq, message_id, leaf) VALUES (?, ?, ?)").run(
      seq,
      message.messageId,
      hashMessage(message, sha256),
    );
  }

  #apply(id: MessageId, outcome: RowOutcome, now: Millis): void {
    switch (outcome.kind) {
      case "acked":
        if (outcome.done) this.#sql("DELETE FROM outbox WHERE message_id = ?").run(id);
        else
          this.#sql(
            "UPDATE outbox SET acked_revision = max(acked_revision, ?), acked_length = ?, last_error = NULL WHERE message_id = ?",
          ).run(outcome.revision, outcome.length, id);
        return;
      case "rewound":
        this.#sql("UPDATE outbox SET revision = ?, acked_length = ? WHERE message_id = ?").run(
          outcome.revision,
          outcome.length,
          id,
        );
        return;
      case "dead":
        this.#sql("INSERT INTO dead_letter SELECT *, ?, ? FROM outbox WHERE message_id = ?").run(
          outcome.reason,
          now,
          id,
        );
        this.#sql("DELETE FROM outbox WHERE message_id = ?").run(id);
        return;
      default:
        assertNever(outcome, "outcome");
    }
  }

  #pending(limit: number): readonly OutboxRow[] {
    return this.#sql("SELECT * FROM outbox WHERE revision > acked_revision ORDER BY seq LIMIT ?")
      .all(limit)
      .map(readRow);
  }

  #row(id: MessageId): OutboxRow | null {
    const row: Row | undefined = this.#sql("SELECT * FROM outbox WHERE message_id = ?").get(id);
    return row === undefined ? null : readRow(row);
  }

  #number(sql: string, ...parameters: readonly string[]): number {
    return Number(this.#sql(sql).get(...parameters)?.["n"] ?? 0);
  }

  #sql(sql: string): StatementSync {
    const known = this.#prepared.get(sql);
    if (known !== undefined) return known;
    const prepared = this.#db.prepare(sql);
    this.#prepared.set(sql, prepared);
    return prepared;
  }
}

const pick = <T, K extends string>(columns: Record<K, T>, names: readonly K[]): Record<string, T> =>
  Object.fromEntries(names.map((name) => [name, columns[name]]));
