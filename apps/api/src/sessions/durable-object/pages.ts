/** Pages of messages, bounded in bytes: of the history by position, and of what changed for a viewer. Keeps M2, M3. */
import type { SessionId } from "@samovar/base";
import type { MessageView, SessionView, ViewerEvent } from "@samovar/contracts";
import { viewOf } from "./rows.ts";
import type { Place, ProjectStorage } from "./storage.ts";

/** Characters of one frame's messages, about; a longer message has a frame of its own. */
const SYNC_FRAME_CHARS = 256 * 1024;
/** Characters of one answer, about: what waits in memory for one viewer. */
const SYNC_TOTAL_CHARS = 8 * 1024 * 1024;
/** Characters of one page of the history, about. */
const HISTORY_PAGE_CHARS = 8 * 1024 * 1024;

export interface HistoryQuery {
  /** Exclusive. */
  readonly before?: number | undefined;
  /** Exclusive; the page then begins here. Without it the page ends at `before`, or with the newest. */
  readonly after?: number | undefined;
  readonly limit: number;
}

/** In order of position. May be shorter than `limit` when its messages are long; never empty while there is one. */
export function historyPage(
  storage: ProjectStorage,
  session: SessionView,
  query: HistoryQuery,
): readonly MessageView[] {
  const before = query.before ?? session.messageCount;
  const places =
    query.after === undefined
      ? storage.placesBefore(session.id, before, query.limit)
      : storage.placesAfter(session.id, query.after, before, query.limit);
  const positions = headWithin(places, HISTORY_PAGE_CHARS).map(({ position }) => position);
  if (positions.length === 0) return [];
  const span = { from: Math.min(...positions), to: Math.max(...positions), afterVersion: 0 };
  return storage.messages(session.id, span).map(viewOf);
}

/**
 * What changed after a version, frame by frame. When that is too much, not our past, or all of a session of which only
 * its `tail` was asked for: the newest messages, anew.
 */
export function* syncFrames(
  storage: ProjectStorage,
  session: SessionView,
  afterVersion: number,
  tail: number | null = null,
): Iterable<ViewerEvent> {
  const wantsTail = afterVersion === 0 && tail !== null && tail < session.messageCount;
  const changed = wantsTail || afterVersion > session.version ? null : storage.changes(session.id, afterVersion);
  const restart = changed === null || sizeOf(changed) > SYNC_TOTAL_CHARS;
  const places = restart ? newestPlaces(storage, session, wantsTail ? tail : session.messageCount) : changed;
  const pages = inFrames(places);
  for (const [index, page] of pages.entries()) {
    yield {
      type: "sync",
      sessionId: session.id,
      version: session.version,
      messages: messagesOf(storage, session.id, page, restart ? 0 : afterVersion),
      more: index < pages.length - 1,
      ...(restart && index === 0 ? { restart } : {}),
    };
  }
}

function newestPlaces(storage: ProjectStorage, session: SessionView, count: number): readonly Place[] {
  const places = storage.placesBefore(session.id, session.messageCount, count);
  return headWithin(places, SYNC_TOTAL_CHARS).toReversed();
}

function messagesOf(
  storage: ProjectStorage,
  id: SessionId,
  page: readonly Place[],
  afterVersion: number,
): MessageView[] {
  const [first, last] = [page[0], page.at(-1)];
  if (first === undefined || last === undefined) return [];
  return storage.messages(id, { from: first.position, to: last.position, afterVersion }).map(viewOf);
}

/** At least one frame: a viewer that has everything is told so. */
function inFrames(places: readonly Place[]): readonly (readonly Place[])[] {
  const frames: (readonly Place[])[] = [];
  for (let rest = places; rest.length > 0;) {
    const frame = headWithin(rest, SYNC_FRAME_CHARS);
    frames.push(frame);
    rest = rest.slice(frame.length);
  }
  return frames.length === 0 ? [[]] : frames;
}

/** The longest head that fits; at least one. */
function headWithin(places: readonly Place[], chars: number): readonly Place[] {
  let taken = 0;
  const end = places.findIndex(({ size }, index) => {
    taken += size;
    return index > 0 && taken > chars;
  });
  return end === -1 ? places : places.slice(0, end);
}

const sizeOf = (places: readonly Place[]): number => places.reduce((sum, { size }) => sum + size, 0);
