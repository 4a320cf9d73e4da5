/**
 * The full-text index of a project's final messages. Delivery does not write it: a step indexes what has become final since,
 * many messages at a time, when somebody searches and by the object's alarm. A session's final messages have increasing
 * versions, so one number a session says how far the index is, and messages of earlier releases are indexed the same way.
 */
import type { MessageRole } from "@samovar/contracts";
import type { SearchTerms } from "@samovar/domain/message-search";
import { getSearchText, toFullTextQuery } from "@samovar/domain/message-search";
import type { FoundMessage, Row } from "./rows.ts";
import { toFoundMessage } from "./rows.ts";

/** How much one step indexes: it ends with the page of messages in which either is reached. */
interface StepLimit {
  readonly messages: number;
  /** Approximate characters of the messages' JSON. */
  readonly chars: number;
}

/** Rows that are read at once; at most 330 kB each. */
const PAGE_MESSAGES = 50;
/** Sessions that one step looks at. */
const STEP_SESSIONS = 200;

export interface Selection {
  readonly terms: SearchTerms;
  readonly role: MessageRole | undefined;
  /** Only rows before this one. */
  readonly before: number;
}

export class SearchIndex {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
  }

  /** Indexes what is not indexed yet, up to a limit, sessions that still run first. Returns whether nothing is left. */
  catchUp({ messages, chars }: StepLimit): boolean {
    const behind = this.#sql
      .exec<{ id: string; version: number; indexed_version: number }>(
        `SELECT id, version, indexed_version FROM sessions WHERE version > indexed_version
         ORDER BY status = 'active' DESC, id DESC LIMIT ?`,
        STEP_SESSIONS,
      )
      .toArray();
    if (behind.length === 0) return true;
    return this.#storage.transactionSync(() => {
      let left: StepLimit = { messages, chars };
      for (const session of behind) {
        if (left.messages <= 0 || left.chars <= 0) return false;
        left = this.#indexSession(session.id, session.version, session.indexed_version, left);
      }
      return !this.#isBehind();
    });
  }

  /** The rows of indexed messages, newest first. Reads the index as far as they are taken. */
  *find({ terms, role, before }: Selection): Iterable<FoundMessage> {
    const text = `text : (${toFullTextQuery(terms)})`;
    const query = role === undefined ? text : `role : "${role}" AND ${text}`;
    const cursor = this.#sql.exec<{ rowid: number }>(
      "SELECT rowid FROM message_search WHERE message_search MATCH ? AND rowid < ? ORDER BY rowid DESC",
      query,
      before,
    );
    for (const { rowid } of cursor) yield this.get(rowid);
  }

  get(row: number): FoundMessage {
    return toFoundMessage(this.#sql.exec<Row>("SELECT rowid AS row, * FROM messages WHERE rowid = ?", row).one());
  }

  /** Messages that are not final: those that still grow, and those whose session ended first. Newest sessions first. */
  *unfinished({ role, before }: Selection): Iterable<FoundMessage> {
    const cursor = this.#sql.exec<Row>(
      `SELECT rowid AS row, * FROM messages WHERE final = 0 AND rowid < ?1 AND (?2 IS NULL OR role = ?2)
       ORDER BY session_id DESC, position DESC`,
      before,
      role ?? null,
    );
    for (const row of cursor) yield toFoundMessage(row);
  }

  #isBehind(): boolean {
    return this.#sql.exec("SELECT 1 FROM sessions WHERE version > indexed_version LIMIT 1").toArray().length > 0;
  }

  /** Returns what is left of the limit. */
  #indexSession(id: string, version: number, indexedVersion: number, limit: StepLimit): StepLimit {
    let { messages, chars } = limit;
    let done = indexedVersion;
    while (done < version && messages > 0 && chars > 0) {
      const page = this.#sql
        .exec<Row>(
          `SELECT rowid AS row, * FROM messages WHERE session_id = ? AND final = 1 AND changed_at_version > ?
           ORDER BY changed_at_version LIMIT ?`,
          id,
          done,
          PAGE_MESSAGES,
        )
        .toArray();
      for (const row of page) {
        const found = toFoundMessage(row);
        this.#sql.exec(
          "INSERT INTO message_search (rowid, text, role) VALUES (?, ?, ?)",
          found.row,
          getSearchText(found.message),
          found.message.role,
        );
        done = found.version;
        chars -= found.size;
      }
      messages -= page.length;
      if (page.length < PAGE_MESSAGES) done = version;
    }
    this.#sql.exec("UPDATE sessions SET indexed_version = ? WHERE id = ?", done, id);
    return { messages, chars };
  }
}
