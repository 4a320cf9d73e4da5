/** Marks messages as read once they were visible for a second in a focused window. */
import type { SessionId } from "@samovar/base";
import { useEffect, useState } from "react";
import { readMarks } from "../sessions/read-marks.ts";

const READ_AFTER_MS = 1_000;

/** `seen`: how many messages there are up to the last visible one. */
export function useReading(session: SessionId, seen: number): void {
  const [reader] = useState(() => createReader(session));
  useEffect(() => reader.see(seen), [reader, seen]);
  useEffect(() => reader.watch(), [reader]);
}

function createReader(session: SessionId) {
  let seen = 0;
  let marked = 0;
  let timer: ReturnType<typeof setTimeout> | null = null;
  const stop = () => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
  };
  /** A second counts from its beginning: what comes in its course has the next one. */
  const begin = () => {
    if (timer !== null || seen <= marked || !isLookedAt()) return;
    const upTo = seen;
    timer = setTimeout(() => {
      timer = null;
      marked = upTo;
      readMarks.getState().markRead(session, upTo);
      begin();
    }, READ_AFTER_MS);
  };
  const look = () => (isLookedAt() ? begin() : stop());
  return {
    see(count: number) {
      seen = count;
      begin();
    },
    watch() {
      addEventListener("focus", look);
      addEventListener("blur", look);
      document.addEventListener("visibilitychange", look);
      begin();
      return () => {
        stop();
        removeEventListener("focus", look);
        removeEventListener("blur", look);
        document.removeEventListener("visibilitychange", look);
      };
    },
  };
}

const isLookedAt = (): boolean => document.visibilityState === "visible" && document.hasFocus();
