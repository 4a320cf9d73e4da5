/** Older messages are read before the reader comes to where they are missing. */
import type { SessionId } from "@samovar/base";
import { useCallback, useEffect } from "react";
import type { OlderState } from "../../api/live/store.ts";
import { useReadBack } from "../../api/use-live.ts";

interface HistoryOptions {
  /** The position of the first message that is there. */
  readonly start: number;
  readonly older: OlderState;
  /** Whether the reader is close to it. */
  readonly near: boolean;
}

/** Reads back to a position; to the next page when none is given. */
export function useHistory(session: SessionId, { start, older, near }: HistoryOptions): (to?: number) => Promise<void> {
  const read = useReadBack();
  const readBack = useCallback((to = start - 1) => read(session, to), [read, session, start]);
  const due = near && start > 0 && older === "idle";
  useEffect(() => {
    if (due) void readBack();
  }, [due, readBack]);
  return readBack;
}
