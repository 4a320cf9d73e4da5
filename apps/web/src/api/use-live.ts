/** React's side of the live feed: one feed a project, one followed session a page. */
import { invariant, type ProjectId, type SessionId } from "@samovar/base";
import { useQueryClient } from "@tanstack/react-query";
import { createContext, use, useEffect, useState, useSyncExternalStore } from "react";
import { useStore } from "zustand";
import { useLiveStore } from "./live/use-live-store.ts";
import { getConnectionStatus, type ConnectionStatus } from "./live/connection.ts";
import { createProjectFeed, type ProjectFeed } from "./live/feed.ts";
import type { HeldTranscript } from "./live/store.ts";

export const FeedContext = createContext<ProjectFeed | null>(null);

/** The project's feed, connected while the component stands and the project is there. It is keyed by the project. */
export function useProjectFeed(project: ProjectId, isThere: boolean): ProjectFeed {
  const store = useLiveStore();
  const client = useQueryClient();
  const [feed] = useState(() => createProjectFeed(project, store, client));
  useEffect(() => (isThere ? feed.open() : undefined), [feed, isThere]);
  return feed;
}

/** Follows a session and gives what the page has of it. */
export function useTranscript(session: SessionId): HeldTranscript | undefined {
  const store = useLiveStore();
  const feed = use(FeedContext);
  invariant(feed !== null, "a session is shown outside of its project");
  useEffect(() => {
    store.getState().hold(session);
    feed.follow(session);
    return () => feed.unfollow(session);
  }, [store, feed, session]);
  return useStore(store, (state) => state.transcripts.get(session));
}

/** Reads older messages of a session that is held. */
export function useReadBack(): ProjectFeed["readBack"] {
  const feed = use(FeedContext);
  invariant(feed !== null, "a session is shown outside of its project");
  return feed.readBack;
}

export function useConnectionStatus(): ConnectionStatus {
  const connection = useStore(useLiveStore(), (state) => state.connection);
  const online = useSyncExternalStore(subscribeOnline, () => navigator.onLine);
  const settled = connection.state === "open" || connection.state === "closed";
  const now = useLocalNow(!settled);
  return getConnectionStatus(connection, online, Math.max(now, connection.lostAt));
}

/** When the page last had everything; null if it never had. */
export function useLastOpenAt(): number | null {
  return useStore(useLiveStore(), (state) => state.connection.lastOpenAt);
}

function useLocalNow(ticking: boolean): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!ticking) return;
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [ticking]);
  return now;
}

function subscribeOnline(listener: () => void): () => void {
  addEventListener("online", listener);
  addEventListener("offline", listener);
  return () => {
    removeEventListener("online", listener);
    removeEventListener("offline", listener);
  };
}
