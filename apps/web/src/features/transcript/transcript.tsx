/**
 * The transcript: a virtual list that follows its end while it is read there and never moves otherwise.
 * A reader who scrolls up is let go at once; growth of the content alone never does that.
 */
import type { MessageView, SessionView } from "@samovar/contracts";
import { useCallback, useEffect, useRef, useState, type ReactNode } from "react";
import type { OlderState } from "../../api/live/store.ts";
import { fetchAhead } from "../../lib/when-idle.ts";
import { Announcer } from "./announcer.tsx";
import { HistoryHead } from "./history-head.tsx";
import { JumpToLatest } from "./jump-to-latest.tsx";
import { browserPlaces, nothingOpened } from "./places.ts";
import { PlanStrip } from "./plan-strip.tsx";
import { HEAD_PX } from "./row-size.ts";
import { createRowReader, getFirstPosition, holds } from "./rows.ts";
import type { Start } from "./start.ts";
import { getFolds, openAt } from "./folds.ts";
import { fetchToolDetails } from "./tool-row.tsx";
import { TranscriptRow } from "./transcript-row.tsx";
import { useHistory } from "./use-history.ts";
import { useOpened } from "./use-opened.ts";
import { useReading } from "./use-reading.ts";
import { useRowKeys } from "./use-row-keys.ts";
import { useTranscriptList } from "./use-transcript-list.ts";

interface TranscriptProps {
  readonly session: SessionView;
  readonly messages: readonly MessageView[];
  readonly older: OlderState;
  /** Whether the session still runs. */
  readonly live: boolean;
  /** Where it opens; later changes of it do not matter. */
  readonly start: Start;
  /** The message of the address. */
  readonly link: number | null;
  /** Stands after the last message: what happens now, or how it ended. */
  readonly tail: ReactNode;
}

/** So many rows before the first one that is there, older messages are asked for. */
const NEAR_ROWS = 15;

export function Transcript({ session, messages, older, live, start, link, tail }: TranscriptProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const [{ anchor, newFrom, target }] = useState(start);
  const [readRows] = useState(createRowReader);
  const rows = readRows(messages, newFrom);
  const { opened, isOpen, toggle, toggleAll } = useOpened(() =>
    openAt(rows, target, browserPlaces.of(session.id)?.opened ?? nothingOpened),
  );
  const [focusedKey, setFocusedKey] = useState<string | null>(null);
  const focused = focusedKey === null ? null : rows.findIndex(({ key }) => key === focusedKey);
  const { list, pin, count, seen, away, fresh, jump } = useTranscriptList({
    scroller,
    session,
    rows,
    anchor,
    opened,
    link,
    focused,
  });
  const { setPinned } = pin;
  const from = messages[0]?.position ?? 0;
  const near = list.range !== null && list.range.startIndex < NEAR_ROWS;
  const readBack = useHistory(session.id, { start: from, older, near });
  useReading(session.id, seen);
  useEffect(() => fetchAhead(fetchToolDetails), []);
  const onToggle = useCallback(
    (id: string) => {
      // The line that was pressed stays under the pointer; only what is below it moves.
      setPinned(false);
      toggle(id);
    },
    [setPinned, toggle],
  );
  useRowKeys({
    scroller,
    list,
    focused,
    rows: rows.length,
    onFirst: () => readBack(0),
    onLast: jump,
    onLeaveEnd: () => setPinned(false),
    onExpand: (at) => {
      const row = at === null ? undefined : rows[at];
      if (row === undefined) toggleAll();
      else for (const id of getFolds(row)) toggle(id);
    },
  });
  const plan = messages.findLast(({ kind }) => kind === "plan");
  return (
    <>
      <Announcer messages={messages} />
      <div className="relative min-h-0 flex-1">
        <div
          ref={scroller}
          role="feed"
          aria-label="Transcript"
          aria-busy={older === "reading"}
          tabIndex={0}
          onFocus={({ target: at }) => setFocusedKey(at.closest<HTMLElement>("[data-row]")?.dataset["row"] ?? null)}
          onBlur={() => setFocusedKey(null)}
          className="h-full overflow-x-hidden overflow-y-auto px-4 [overflow-anchor:none] focus-visible:-outline-offset-2"
        >
          <div className="relative mx-auto w-full max-w-190" style={{ height: list.getTotalSize() }}>
            <div className="absolute inset-x-0 top-0" style={{ height: HEAD_PX }}>
              <HistoryHead session={session} older={older} whole={from === 0} onRetry={() => void readBack()} />
            </div>
            {list.getVirtualItems().map((item) => {
              const row = rows[item.index];
              return (
                <div
                  key={item.key}
                  ref={list.measureElement}
                  data-index={item.index}
                  data-row={item.key}
                  className="absolute inset-x-0 top-0"
                  style={{ transform: `translateY(${item.start}px)` }}
                >
                  {row === undefined ? (
                    tail
                  ) : (
                    <TranscriptRow
                      row={row}
                      live={live}
                      last={item.index === rows.length - 1}
                      newSince={getFirstPosition(row) === newFrom}
                      target={target !== null && holds(row, target)}
                      setSize={live ? -1 : count}
                      isOpen={isOpen}
                      onToggle={onToggle}
                    />
                  )}
                </div>
              );
            })}
          </div>
        </div>
        {away && <JumpToLatest fresh={fresh} onJump={jump} />}
      </div>
      {plan !== undefined && <PlanStrip message={plan} live={live} />}
    </>
  );
}
