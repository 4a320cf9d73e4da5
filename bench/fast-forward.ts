/** An hour of an agent's work, delivered as fast as the store accepts it: growing texts, thoughts, commands. */
import type { SessionId } from "@samovar/base";
import type { DeliveredMessage } from "@samovar/contracts";
import { toMessageId, madeMessage, makeProse } from "../tests/harness/made-transcript.ts";
import type { WorkspaceDelivery } from "../tests/harness/workspace-delivery.ts";

const TEXTS_A_MINUTE = 4;
const PIECES_A_TEXT = 20;
const WORDS_A_PIECE = 10;
const CALLS_A_MINUTE = 5;
/** Rows per batch: about as many as a node sends at once. */
const ROWS_AT_ONCE = 8;
const FIRST_SEQ = 100_000;

const MESSAGES_A_MINUTE = TEXTS_A_MINUTE + CALLS_A_MINUTE;

/** Delivers one minute of work; returns the number of characters of text. */
export async function sayMinute(delivery: WorkspaceDelivery, session: SessionId, minute: number): Promise<number> {
  const first = FIRST_SEQ + minute * MESSAGES_A_MINUTE;
  const texts = Array.from({ length: TEXTS_A_MINUTE }, (_, n) => growing(session, first + n));
  const calls = Array.from({ length: CALLS_A_MINUTE }, (_, n) => {
    const made = madeMessage(session, first + 10 * n + 3, new Date().toISOString());
    return { ...made, messageId: toMessageId(session, first + TEXTS_A_MINUTE + n), seq: first + TEXTS_A_MINUTE + n };
  });
  const rows = [...texts.flat(), ...calls];
  for (let at = 0; at < rows.length; at += ROWS_AT_ONCE) await delivery.deliver(rows.slice(at, at + ROWS_AT_ONCE));
  return rows.reduce((sum, { body }) => sum + (body.mode === "append" ? body.text.length : body.content.length), 0);
}

function growing(session: SessionId, at: number): DeliveredMessage[] {
  let offset = 0;
  return Array.from({ length: PIECES_A_TEXT }, (_, n) => {
    const text = `${makeProse(at * PIECES_A_TEXT + n, WORDS_A_PIECE)} `;
    const row: DeliveredMessage = {
      messageId: toMessageId(session, at),
      sessionId: session,
      seq: at,
      role: "assistant",
      kind: "text",
      revision: n + 1,
      body: { mode: "append", offset, text },
      toolMetadata: null,
      final: n === PIECES_A_TEXT - 1,
      interrupted: false,
      truncated: null,
      timestamp: new Date().toISOString(),
    };
    offset += text.length;
    return row;
  });
}
