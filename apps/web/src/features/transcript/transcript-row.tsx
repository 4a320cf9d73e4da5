/** One row of the transcript, with what marks it: new since the last visit, or the target of the address. */
import { clsx } from "clsx";
import { memo, useEffect, useState, type ReactNode } from "react";
import { formatClock } from "../../lib/format-time.ts";
import { getStepsId } from "./folds.ts";
import { MessageRow, labelMessage } from "./message-row.tsx";
import { getFirstPosition, type Row } from "./rows.ts";
import { FOLDED_FROM, labelSteps } from "./steps.ts";
import { StepsRow } from "./steps-row.tsx";

interface TranscriptRowProps {
  readonly row: Row;
  readonly live: boolean;
  readonly last: boolean;
  readonly newSince: boolean;
  readonly target: boolean;
  /** Of the feed; -1 while it grows. */
  readonly setSize: number;
  readonly isOpen: (id: string) => boolean;
  readonly onToggle: (id: string) => void;
}

export const TranscriptRow = memo(function TranscriptRow(props: TranscriptRowProps) {
  const { row, live, newSince, target, setSize } = props;
  return (
    <>
      {newSince && <NewSince row={row} />}
      <article
        aria-label={rowLabel(row, live)}
        aria-posinset={getFirstPosition(row) + 1}
        aria-setsize={setSize}
        tabIndex={-1}
        className="group relative rounded-md"
      >
        <Highlight on={target}>
          <Content {...props} />
        </Highlight>
      </article>
    </>
  );
});

function Content({ row, live, last, isOpen, onToggle }: TranscriptRowProps) {
  if (row.kind === "steps")
    return (
      <StepsRow row={row} live={live} last={last} open={isOpen(getStepsId(row))} isOpen={isOpen} onToggle={onToggle} />
    );
  return <MessageRow message={row.message} live={live} open={isOpen(row.message.messageId)} onToggle={onToggle} />;
}

function rowLabel(row: Row, live: boolean): string {
  if (row.kind === "message") return labelMessage(row.message);
  const [first] = row.messages;
  return row.messages.length < FOLDED_FROM && first !== undefined
    ? labelMessage(first)
    : labelSteps(row.messages, live);
}

function NewSince({ row }: { readonly row: Row }) {
  const first = row.kind === "message" ? row.message : row.messages[0];
  return (
    <p className="mb-4 flex items-center gap-3 text-small font-medium text-accent">
      <span className="h-px flex-1 bg-accent" />
      New since {first === undefined ? "" : formatClock(first.createdAt)}
      <span className="h-px flex-1 bg-accent" />
    </p>
  );
}

const HIGHLIGHT_MS = 2_000;

function Highlight({ on, children }: { readonly on: boolean; readonly children: ReactNode }) {
  const [over, setOver] = useState(false);
  useEffect(() => {
    if (!on) return;
    const timer = setTimeout(() => setOver(true), HIGHLIGHT_MS);
    return () => clearTimeout(timer);
  }, [on]);
  const shown = on && !over;
  return (
    <div
      className={clsx("rounded-md", shown && "bg-accent-tint outline-6 outline-accent-tint")}
      data-target={shown || undefined}
    >
      {children}
    </div>
  );
}
