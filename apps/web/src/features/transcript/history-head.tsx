/** What stands before the first message that is there: older ones on their way, or the session's beginning. */
import { Link } from "@tanstack/react-router";
import type { SessionView } from "@samovar/contracts";
import type { OlderState } from "../../api/live/store.ts";
import { Button } from "../../ui/button.tsx";
import { HalfCircle } from "../../ui/status-mark.tsx";
import { formatMoment } from "../../lib/format-time.ts";

interface HistoryHeadProps {
  readonly session: SessionView;
  readonly older: OlderState;
  readonly whole: boolean;
  readonly onRetry: () => void;
}

export function HistoryHead({ session, older, whole, onRetry }: HistoryHeadProps) {
  return (
    <article
      aria-label="Start of the transcript"
      className="flex h-full flex-wrap items-center justify-center gap-x-3 text-small text-ink-3"
    >
      {whole && (
        <>
          <span>Started {formatMoment(session.startedAt)}</span>
          <TextLink session={session} />
        </>
      )}
      {!whole && older !== "failed" && (
        <>
          <HalfCircle size={14} className="text-ink-3" />
          Loading older messages…
        </>
      )}
      {!whole && older === "failed" && (
        <>
          Couldn't load older messages.
          <Button onClick={onRetry}>Try again</Button>
        </>
      )}
    </article>
  );
}

function TextLink({ session }: { readonly session: SessionView }) {
  return (
    <Link
      to="/p/$project/s/$session/text"
      params={{ project: session.projectId, session: session.id }}
      className="text-accent underline"
    >
      View as text
    </Link>
  );
}
