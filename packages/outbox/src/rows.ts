/** Rows of the outbox ⇄ messages. Every value read is checked: the file is an edge, too. */
import type { SQLInputValue } from "node:sqlite";
import { messageId, messageKind, messageRole, toolMetadata, truncation } from "@samovar/contracts";
import type { EmittedMessage } from "@samovar/domain/emitted-message";
import type { OutboxRow } from "@samovar/domain/outbox";
import type { Row } from "@samovar/sqlite";

/** Throws when a value cannot be what it should be. */
export function readRow(row: Row): OutboxRow {
  return {
    messageId: messageId.parse(row["message_id"]),
    seq: count(row["seq"]),
    role: messageRole.parse(row["role"]),
    kind: messageKind.parse(row["kind"]),
    content: text(row["content"]),
    toolMetadata: row["tool_metadata"] === null ? null : toolMetadata.parse(JSON.parse(text(row["tool_metadata"]))),
    revision: count(row["revision"]),
    final: row["final"] === 1,
    interrupted: row["interrupted"] === 1,
    truncated: row["truncated"] === null ? null : truncation.parse(JSON.parse(text(row["truncated"]))),
    ackedRevision: count(row["acked_revision"]),
    ackedLength: count(row["acked_length"]),
    createdAt: count(row["created_at"]),
  };
}

/** A message's columns, for named parameters. */
export function toColumns(message: EmittedMessage): Record<string, SQLInputValue> {
  return {
    message_id: message.messageId,
    role: message.role,
    kind: message.kind,
    content: message.content,
    tool_metadata: message.toolMetadata === null ? null : JSON.stringify(message.toolMetadata),
    final: message.final ? 1 : 0,
    interrupted: message.interrupted ? 1 : 0,
    truncated: message.truncated === null ? null : JSON.stringify(message.truncated),
    created_at: message.createdAt,
  };
}

function count(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new TypeError("expected a count");
}

function text(value: unknown): string {
  if (typeof value === "string") return value;
  throw new TypeError("expected text");
}
