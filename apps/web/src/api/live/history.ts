/**
 * Older messages of a session, read by pages and joined in front of what the live store holds: there is one
 * transcript, whichever way a message came. Keeps M2.
 */
import type { ProjectId, SessionId } from "@samovar/base";
import { LIMITS, messageView, sessionView, type MessageView } from "@samovar/contracts";
import { reachesStart, type TranscriptPage } from "@samovar/domain/transcript";
import * as z from "zod";
import { call } from "../client.ts";
import type { LiveStore } from "./store.ts";

/** The messages before a position, the newest of them. */
export type ReadPage = (sessionId: SessionId, before: number) => Promise<TranscriptPage>;

export interface History {
  /** Reads on until the message at this position is there. One reader a session; a further goal joins it. */
  readBack(sessionId: SessionId, to: number): Promise<void>;
}

const PAGE_MESSAGES = LIMITS.pageMax;
/** A far goal is reached by several pages at a time. */
const PAGES_AT_ONCE = 4;
/** Rounds without a step back, after which reading is given up until it is asked for again. */
const FRUITLESS_ROUNDS = 3;

/**
 * `atFrame`: resolves within the next frame, when all scrolling so far has been handled. Pages that joined before
 * would be placed by where the reader was, and take back what the reader has scrolled since.
 */
export function createHistory(store: LiveStore, read: ReadPage, atFrame: () => Promise<void>): History {
  const goals = new Map<SessionId, number>();
  const readers = new Map<SessionId, Promise<void>>();
  return {
    readBack(sessionId, to) {
      goals.set(sessionId, Math.min(to, goals.get(sessionId) ?? to));
      const reading = readers.get(sessionId) ?? begin(sessionId);
      readers.set(sessionId, reading);
      return reading;
    },
  };

  async function begin(sessionId: SessionId): Promise<void> {
    store.getState().setOlder(sessionId, "reading");
    const reached = await readOn(sessionId).catch(() => false);
    goals.delete(sessionId);
    readers.delete(sessionId);
    store.getState().setOlder(sessionId, reached ? "idle" : "failed");
  }

  async function readOn(sessionId: SessionId): Promise<boolean> {
    let fruitless = 0;
    for (;;) {
      const start = startOf(store, sessionId);
      if (start === null || start <= (goals.get(sessionId) ?? 0)) return true;
      const pages = await Promise.all(placesBefore(start, goals.get(sessionId) ?? 0).map((at) => read(sessionId, at)));
      await atFrame();
      for (const page of pages) if (store.getState().prepend(sessionId, page) !== "applied") break;
      fruitless = startOf(store, sessionId) === start ? fruitless + 1 : 0;
      if (fruitless === FRUITLESS_ROUNDS) return false;
    }
  }
}

/** The position of the first message that is there; null when there is nothing before it. */
function startOf(store: LiveStore, sessionId: SessionId): number | null {
  const held = store.getState().transcripts.get(sessionId);
  if (held === undefined || reachesStart(held.transcript)) return null;
  return held.transcript.messages[0]?.position ?? null;
}

function placesBefore(start: number, goal: number): readonly number[] {
  const pages = Math.min(PAGES_AT_ONCE, Math.max(1, Math.ceil((start - goal) / PAGE_MESSAGES)));
  return Array.from({ length: pages }, (_, page) => start - page * PAGE_MESSAGES).filter((before) => before > 0);
}

const historyAnswer = z.object({ messages: z.array(messageView), session: sessionView });

export const createPageReader =
  (project: ProjectId): ReadPage =>
  async (sessionId, before) => {
    const path = `/projects/${project}/sessions/${sessionId}/messages?before=${before}&limit=${PAGE_MESSAGES}`;
    const { messages, session } = await call(path, historyAnswer);
    return { messages, version: session.version };
  };

/** All of a session, in order, as it is at the end of reading. */
export async function readAll(project: ProjectId, session: SessionId): Promise<readonly MessageView[]> {
  const messages: MessageView[] = [];
  for (;;) {
    const after = messages.at(-1)?.position ?? -1;
    const path = `/projects/${project}/sessions/${session}/messages?after=${after}&limit=${PAGE_MESSAGES}`;
    const page = await call(path, historyAnswer);
    messages.push(...page.messages);
    if (page.messages.length === 0 || messages.length >= page.session.messageCount) return messages;
  }
}
