/** For tests: an agent that emits without a pause, in an outbox in memory that sends as the real one does. */
import type { SessionId } from "@samovar/base";
import type { DeliveredMessage, DeliveryReply } from "@samovar/contracts";
import { planBatch, resolveRow } from "@samovar/domain/outbox";
import type { OutboxRow, SentRow } from "@samovar/domain/outbox";
import { ids } from "./caller.ts";

/** A message starts so often; every third is a tool call. */
const MESSAGE_MS = 786;
/** A fast model's output. */
const CHARS_PER_SECOND = 300;
const LIMITS = { rows: 50, bytes: 65_536 };

export class StreamingAgent {
  readonly #sessionId: SessionId;
  readonly #startedAt: number;
  #rows: OutboxRow[] = [];
  #started = 0;
  #sent: readonly SentRow[] = [];

  constructor(sessionId: SessionId, startedAt: number) {
    this.#sessionId = sessionId;
    this.#startedAt = startedAt;
  }

  /** What the agent has emitted by `now` and the store does not have yet. `isOver`: the last message ends, too. */
  planDelivery(now: number, isOver = false): readonly DeliveredMessage[] {
    this.#emit(now, isOver);
    const pending = this.#rows.filter((row) => row.revision > row.ackedRevision);
    const { messages, sent } = planBatch(this.#sessionId, pending, LIMITS);
    this.#sent = sent;
    return messages;
  }

  /** Throws if the store did not take each row. */
  acknowledge({ results }: DeliveryReply): void {
    for (const [index, sent] of this.#sent.entries()) {
      const row = this.#rows.find(({ messageId }) => messageId === sent.messageId);
      const result = results[index];
      if (row === undefined || result === undefined) throw new Error("a row without a result");
      const outcome = resolveRow(row, sent, result);
      if (outcome.kind !== "acked") throw new Error(`a row was not stored: ${JSON.stringify(result)}`);
      const acked = { ...row, ackedRevision: outcome.revision, ackedLength: outcome.length };
      this.#rows = this.#rows.flatMap((each) => (each !== row ? [each] : outcome.done ? [] : [acked]));
    }
  }

  #emit(now: number, isOver: boolean): void {
    const wanted = Math.floor((now - this.#startedAt) / MESSAGE_MS) + 1;
    while (this.#started < wanted) this.#start();
    this.#rows = this.#rows.map((row) => {
      const startsAt = this.#startedAt + (row.seq - 1) * MESSAGE_MS;
      const length = Math.ceil((Math.min(now - startsAt, MESSAGE_MS) * CHARS_PER_SECOND) / 1000);
      const final = isOver || row.seq < this.#started;
      if (row.final || (!final && length === row.content.length)) return row;
      return { ...row, content: toText(row.seq, length), final, revision: row.revision + 1 };
    });
  }

  #start(): void {
    this.#started++;
    const isTool = this.#started % 3 === 0;
    const toolCallId = `call-${this.#started}`;
    this.#rows.push({
      messageId: ids.messageId(),
      role: isTool ? "tool" : "assistant",
      kind: isTool ? "tool" : "text",
      content: "",
      toolMetadata: isTool
        ? { toolCallId, tool: "execute", title: `Run ${toolCallId}`, target: null, status: "running" }
        : null,
      interrupted: false,
      truncated: null,
      final: false,
      createdAt: this.#startedAt + (this.#started - 1) * MESSAGE_MS,
      seq: this.#started,
      revision: 1,
      ackedRevision: 0,
      ackedLength: 0,
    });
  }
}

const WORDS = "the agent reads the file, changes it and runs the tests again; ";

const toText = (seq: number, length: number): string =>
  `${seq}: ${WORDS.repeat(Math.ceil(length / WORDS.length) + 1)}`.slice(0, length);
