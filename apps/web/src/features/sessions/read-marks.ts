/** How far each session has been read in this browser, so that what is new can be marked. */
import type { Millis, SessionId } from "@samovar/base";
import { parseJson } from "@samovar/base";
import type { SessionView } from "@samovar/contracts";
import { createStore, type StoreApi } from "zustand/vanilla";
import { useStore } from "zustand";
import * as z from "zod";
import { openBrowserText, type StoredText } from "../../lib/stored-text.ts";

const REMEMBERED = 1_000;

const keptMarks = z.object({
  /** What began before this browser's first visit is no news to it. */
  since: z.number(),
  /** Session → messages that were there when it was read last. */
  read: z.array(z.tuple([z.string(), z.number()])),
});

export interface ReadMarks {
  readonly since: Millis;
  readonly read: ReadonlyMap<string, number>;
  /** Everything up to this message count has been read. */
  readonly markRead: (session: SessionId, messageCount: number) => void;
}

export function createReadMarks(kept: StoredText, now: Millis): StoreApi<ReadMarks> {
  const known = readKept(kept.read());
  return createStore<ReadMarks>((set, get) => ({
    since: known?.since ?? now,
    read: new Map(known?.read),
    markRead(session, messageCount) {
      const { read, since } = get();
      if ((read.get(session) ?? -1) >= messageCount) return;
      const next = new Map(read);
      next.delete(session);
      next.set(session, messageCount);
      for (const oldest of next.keys()) {
        if (next.size <= REMEMBERED) break;
        next.delete(oldest);
      }
      set({ read: next });
      kept.write(JSON.stringify({ since, read: [...next] }));
    },
  }));
}

/** How many messages of the session came since it was read last. */
export function countUnread(
  { read, since }: Pick<ReadMarks, "read" | "since">,
  session: Pick<SessionView, "id" | "messageCount" | "startedAt">,
): number {
  const mark = read.get(session.id);
  if (mark !== undefined) return Math.max(0, session.messageCount - mark);
  return session.startedAt < since ? 0 : session.messageCount;
}

function readKept(text: string): z.infer<typeof keptMarks> | null {
  return keptMarks.safeParse(parseJson(text)).data ?? null;
}

export const readMarks = createReadMarks(openBrowserText("read"), Date.now());

export const useReadMarks = (): ReadMarks => useStore(readMarks);

/** Changes only with the session's own number. */
export const useUnread = (session: SessionView): number => useStore(readMarks, (marks) => countUnread(marks, session));
