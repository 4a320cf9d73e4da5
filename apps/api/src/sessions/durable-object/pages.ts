/** Pages of messages of bounded size: history by position, and changes for a viewer. Keeps M2, M3. */
import type { SessionId } from "@samovar/base";
import type { MessageView, SessionView, ViewerEvent } from "@samovar/contracts";
import { toMessageView } from "./rows.ts";
import type { MessageLocation, ProjectStorage } from "./storage.ts";

/** Approximate characters of one frame's messages; a longer message gets a separate frame. */
const SYNC_FRAME_CHARS = 256 * 1024;
/** Approximate characters of one answer, which waits in memory for the viewer. */
const SYNC_TOTAL_CHARS = 8 * 1024 * 1024;
/** Approximate characters of one page of history. */
const HISTORY_PAGE_CHARS = 8 * 1024 * 1024;

export interface HistoryQuery {
  /** Exclusive. */
  readonly before?: number | undefined;
  /** Exclusive; the page then starts here. Without it the page ends at `before` or with the newest message. */
  readonly after?: number | undefined;
  readonly limit: number;
}

/** In order of position. Long messages may make it shorter than `limit`, but never empty while there is one. */
export function readHistoryPage(
  storage: ProjectStorage,
  session: SessionView,
  query: HistoryQuery,
): readonly MessageView[] {
  const before = query.before ?? session.messageCount;
  const locations =
    query.after === undefined
      ? storage.positionsBefore(session.id, before, query.limit)
      : storage.positionsAfter(session.id, query.after, before, query.limit);
  const positions = takeWithin(locations, HISTORY_PAGE_CHARS).map(({ position }) => position);
  if (positions.length === 0) return [];
  const span = { from: Math.min(...positions), to: Math.max(...positions), afterVersion: 0 };
  return storage.messages(session.id, span).map(toMessageView);
}

/**
 * The changes after a version, in frames. Restarts with the newest messages if the changes are too many, if the version is
 * from another history, or if the viewer has nothing yet and requests only a `tail`.
 */
export function* syncFrames(
  storage: ProjectStorage,
  session: SessionView,
  afterVersion: number,
  tail: number | null = null,
): Iterable<ViewerEvent> {
  const wantsTail = afterVersion === 0 && tail !== null && tail < session.messageCount;
  const changed = wantsTail || afterVersion > session.version ? null : storage.changes(session.id, afterVersion);
  const restart = changed === null || sumSizes(changed) > SYNC_TOTAL_CHARS;
  const locations = restart ? newestPositions(storage, session, wantsTail ? tail : session.messageCount) : changed;
  const pages = splitIntoFrames(locations);
  for (const [index, page] of pages.entries()) {
    yield {
      type: "sync",
      sessionId: session.id,
      version: session.version,
      messages: readMessages(storage, session.id, page, restart ? 0 : afterVersion),
      more: index < pages.length - 1,
      ...(restart && index === 0 ? { restart } : {}),
    };
  }
}

function newestPositions(storage: ProjectStorage, session: SessionView, count: number): readonly MessageLocation[] {
  const locations = storage.positionsBefore(session.id, session.messageCount, count);
  return takeWithin(locations, SYNC_TOTAL_CHARS).toReversed();
}

function readMessages(
  storage: ProjectStorage,
  id: SessionId,
  page: readonly MessageLocation[],
  afterVersion: number,
): MessageView[] {
  const [first, last] = [page[0], page.at(-1)];
  if (first === undefined || last === undefined) return [];
  return storage.messages(id, { from: first.position, to: last.position, afterVersion }).map(toMessageView);
}

/** At least one frame, so that a viewer that has everything learns that too. */
function splitIntoFrames(locations: readonly MessageLocation[]): readonly (readonly MessageLocation[])[] {
  const frames: (readonly MessageLocation[])[] = [];
  for (let rest = locations; rest.length > 0;) {
    const frame = takeWithin(rest, SYNC_FRAME_CHARS);
    frames.push(frame);
    rest = rest.slice(frame.length);
  }
  return frames.length === 0 ? [[]] : frames;
}

/** The longest prefix that fits; at least one. */
function takeWithin(locations: readonly MessageLocation[], chars: number): readonly MessageLocation[] {
  let taken = 0;
  const end = locations.findIndex(({ size }, index) => {
    taken += size;
    return index > 0 && taken > chars;
  });
  return end === -1 ? locations : locations.slice(0, end);
}

const sumSizes = (locations: readonly MessageLocation[]): number => locations.reduce((sum, { size }) => sum + size, 0);
