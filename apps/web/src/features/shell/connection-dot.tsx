/** Whether the page is live; announced politely, and only after a longer break. */
import { clsx } from "clsx";
import { useConnectionStatus } from "../../api/use-live.ts";
import type { ConnectionStatus } from "../../api/live/connection.ts";

const WORDS: Readonly<Record<ConnectionStatus, string>> = {
  live: "Live",
  connecting: "Connecting…",
  reconnecting: "Reconnecting…",
  offline: "Offline",
};

export function ConnectionDot() {
  const word = useConnectionStatus();
  return (
    <span role="status" className="inline-flex items-center gap-1.5 text-small text-ink-2">
      <span
        aria-hidden="true"
        className={clsx("size-2", {
          "rounded-full bg-done": word === "live",
          "rounded-full border-2 border-working": word === "connecting" || word === "reconnecting",
          "bg-failed": word === "offline",
        })}
      />
      <span className={clsx(word === "live" && "sr-only tablet:not-sr-only")}>{WORDS[word]}</span>
    </span>
  );
}
