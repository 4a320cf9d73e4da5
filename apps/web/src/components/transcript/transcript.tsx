/**
 * The transcript: a virtual list that holds to its end while one reads there and never moves otherwise.
 * A reader who scrolls up is let go at once; growth of the content alone never does that.
 */
import type { MessageView } from "@samovar/contracts";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useRef, useState, type ReactNode } from "react";
import { PINNED_WITHIN_PX, useFollowEnd, usePinned } from "./follow-end.ts";
import { JumpToLatest } from "./jump-to-latest.tsx";
import { MessageRow, messageLabel } from "./message-row.tsx";

interface TranscriptProps {
  readonly messages: readonly MessageView[];
  /** Whether the session still runs. */
  readonly live: boolean;
  /** Stands after the last message: what happens now, or how it ended. */
  readonly tail: ReactNode;
}

const TAIL = "tail";

export function Transcript({ messages, live, tail }: TranscriptProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const pin = usePinned();
  const [open, setOpen] = useState<ReadonlyMap<string, boolean>>(new Map());
  const keyOf = useCallback((index: number) => messages[index]?.messageId ?? TAIL, [messages]);
  // oxlint-disable-next-line react/incompatible-library -- React's compiler, which it confuses, is not used here
  const list = useVirtualizer({
    count: messages.length + 1,
    getScrollElement: () => scroller.current,
    estimateSize: () => 64,
    getItemKey: keyOf,
    overscan: 8,
    gap: 16,
    paddingStart: 20,
    paddingEnd: 20,
    anchorTo: "end",
    // Held to its end only while pinned: a reader who went up by a pixel is not pulled back.
    scrollEndThreshold: pin.pinned ? PINNED_WITHIN_PX : -1,
  });
  const { away, fresh, jump } = useFollowEnd(scroller, list, pin, messages.length);
  const { setPinned } = pin;
  const toggle = useCallback(
    (message: MessageView) => {
      // The line that was pressed stays under the pointer; only what is below it moves.
      setPinned(false);
      setOpen((before) => new Map(before).set(message.messageId, !isOpen(before, message)));
    },
    [setPinned],
  );
  return (
    <div className="relative min-h-0 flex-1">
      <div
        ref={scroller}
        role="feed"
        aria-label="Transcript"
        aria-busy={live}
        tabIndex={0}
        className="h-full overflow-x-hidden overflow-y-auto px-4 [overflow-anchor:none] focus-visible:-outline-offset-2"
      >
        <div className="relative mx-auto w-full max-w-190" style={{ height: list.getTotalSize() }}>
          {list.getVirtualItems().map((item) => {
            const message = messages[item.index];
            return (
              <div
                key={item.key}
                ref={list.measureElement}
                data-index={item.index}
                className="absolute inset-x-0 top-0"
                style={{ transform: `translateY(${item.start}px)` }}
              >
                {message === undefined ? (
                  tail
                ) : (
                  <article
                    aria-label={messageLabel(message)}
                    aria-posinset={message.position + 1}
                    aria-setsize={live ? -1 : messages.length}
                  >
                    <MessageRow message={message} live={live} open={isOpen(open, message)} onToggle={toggle} />
                  </article>
                )}
              </div>
            );
          })}
        </div>
      </div>
      {away && <JumpToLatest fresh={fresh} onJump={jump} />}
    </div>
  );
}

function isOpen(open: ReadonlyMap<string, boolean>, message: MessageView): boolean {
  return open.get(message.messageId) ?? false;
}
