/**
 * The live store: the transcripts that the page holds and the state of its connection. Events come in through
 * the domain's transcript core, many at a time, and make one change. Keeps M2, M3.
 */
import type { Millis, SessionId } from "@samovar/base";
import type { ViewerEvent } from "@samovar/contracts";
import {
  applyEvent,
  emptyTranscript,
  isTranscriptEvent,
  prependPage,
  type Applied,
  type Transcript,
  type TranscriptPage,
} from "@samovar/domain/transcript";
import { createStore, type StoreApi } from "zustand/vanilla";
import { enterState, unconnected, type Connection } from "./connection.ts";
import type { SocketState } from "@samovar/client/project-socket";

export interface HeldTranscript {
  readonly transcript: Transcript;
  /** Whether the first answer is whole: before, an empty list only means that nothing came yet. */
  readonly synced: boolean;
  /** How it stands with the messages before those that are there. */
  readonly older: OlderState;
}

export type OlderState = "idle" | "reading" | "failed";

export interface LiveState {
  readonly connection: Connection;
  /** In the order of use, the latest last. */
  readonly transcripts: ReadonlyMap<SessionId, HeldTranscript>;
  setSocketState(state: SocketState, now: Millis): void;
  /** Makes room for a session; the least used one beyond the limit is forgotten. */
  hold(sessionId: SessionId): void;
  versionOf(sessionId: SessionId): number;
  /** Applies the events received since the last frame. `resync`: sessions that must be asked for again. */
  commit(events: readonly ViewerEvent[]): { readonly resync: ReadonlySet<SessionId> };
  /** Joins an older page in front of what is there. */
  prepend(sessionId: SessionId, page: TranscriptPage): Applied["outcome"];
  setOlder(sessionId: SessionId, older: OlderState): void;
}

export type LiveStore = StoreApi<LiveState>;

export const MAX_HELD = 20;

export function createLiveStore(): LiveStore {
  return createStore<LiveState>()((set, get) => ({
    connection: unconnected,
    transcripts: new Map(),
    setSocketState(state, now) {
      set({ connection: enterState(get().connection, state, now) });
    },
    hold(sessionId) {
      const held = get().transcripts.get(sessionId) ?? createHeld(sessionId);
      const others = [...get().transcripts].filter(([id]) => id !== sessionId);
      set({ transcripts: new Map([...others.slice(1 - MAX_HELD), [sessionId, held]]) });
    },
    versionOf: (sessionId) => get().transcripts.get(sessionId)?.transcript.version ?? 0,
    commit(events) {
      const { transcripts, resync } = applyAll(get().transcripts, events);
      if (transcripts !== get().transcripts) set({ transcripts });
      return { resync };
    },
    prepend(sessionId, page) {
      const held = get().transcripts.get(sessionId);
      if (held === undefined) return "stale";
      const { outcome, transcript } = prependPage(held.transcript, page);
      if (outcome === "applied") set({ transcripts: replaced(get().transcripts, sessionId, { ...held, transcript }) });
      return outcome;
    },
    setOlder(sessionId, older) {
      const held = get().transcripts.get(sessionId);
      if (held === undefined || held.older === older) return;
      set({ transcripts: replaced(get().transcripts, sessionId, { ...held, older }) });
    },
  }));
}

const createHeld = (sessionId: SessionId): HeldTranscript => ({
  transcript: emptyTranscript(sessionId),
  synced: false,
  older: "idle",
});

/** Replacing a value keeps its place in the map, and with it the order of use. */
function replaced(
  transcripts: ReadonlyMap<SessionId, HeldTranscript>,
  sessionId: SessionId,
  held: HeldTranscript,
): ReadonlyMap<SessionId, HeldTranscript> {
  return new Map(transcripts).set(sessionId, held);
}

function applyAll(before: ReadonlyMap<SessionId, HeldTranscript>, events: readonly ViewerEvent[]) {
  const changed = new Map<SessionId, HeldTranscript>();
  const resync = new Set<SessionId>();
  for (const event of events) {
    if (!isTranscriptEvent(event)) continue;
    const held = changed.get(event.sessionId) ?? before.get(event.sessionId);
    if (held === undefined) continue;
    const { outcome, transcript } = applyEvent(held.transcript, event);
    if (outcome === "resync") resync.add(event.sessionId);
    else if (event.type === "sync") resync.delete(event.sessionId);
    const whole = event.type === "sync" && !event.more && outcome !== "resync";
    const begunAnew = transcript.version === 0 && held.transcript.version > 0;
    const synced = whole || (held.synced && !begunAnew);
    if (transcript !== held.transcript || synced !== held.synced)
      changed.set(event.sessionId, { ...held, transcript, synced });
  }
  if (changed.size === 0) return { transcripts: before, resync };
  return { transcripts: [...changed].reduce((all, [id, held]) => replaced(all, id, held), before), resync };
}
