/** Waits until a transcript can open where it should: what it opens at may be far before the newest messages. */
import type { SessionId } from "@samovar/base";
import { useEffect } from "react";
import type { HeldTranscript } from "../../api/live/store.ts";
import { readMarks } from "../sessions/read-marks.ts";
import { serverClock } from "../../lib/server-clock.ts";
import { useReadBack } from "../../api/use-live.ts";
import { browserPlaces } from "./places.ts";
import { getNeededFrom, findStart, type Start } from "./start.ts";

/** Null while it waits. */
export function useStart(session: SessionId, held: HeldTranscript | undefined, link: number | null): Start | null {
  const read = useReadBack();
  const messages = held?.transcript.messages ?? [];
  const place = browserPlaces.of(session);
  const needed = getNeededFrom(place, link);
  const synced = held?.synced === true;
  const missing = synced && needed !== null && needed < (messages[0]?.position ?? 0);
  const waits = !synced || (missing && held.older !== "failed");
  useEffect(() => {
    if (missing && needed !== null) void read(session, needed);
  }, [session, missing, needed, read]);
  if (waits) return null;
  return findStart({
    messages,
    place,
    link,
    read: readMarks.getState().read.get(session),
    now: serverClock.now(),
    // The list's share of the window, about: it is not there yet.
    windowPx: innerHeight * 0.6,
  });
}
