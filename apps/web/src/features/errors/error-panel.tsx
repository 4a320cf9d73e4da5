/** What failed, what to do, a way to try again, and the request's id for support. */
import { CircleAlert } from "lucide-react";
import { ApiError } from "../../api/client.ts";
import { Button } from "../../ui/button.tsx";
import { CopyButton } from "../../ui/copy-button.tsx";

interface ErrorPanelProps {
  /** `Couldn't load sessions.` */
  readonly what: string;
  readonly error: unknown;
  readonly onRetry?: () => void;
}

export function ErrorPanel({ what, error, onRetry }: ErrorPanelProps) {
  const requestId = error instanceof ApiError ? error.requestId : null;
  return (
    <div
      role="alert"
      className="flex flex-col items-start gap-2 rounded-lg border border-hairline bg-failed-tint p-3 text-ui"
    >
      <p className="flex gap-2">
        <CircleAlert size={18} className="mt-0.5 shrink-0 text-failed" aria-hidden="true" />
        <span>
          <strong className="font-semibold">{what}</strong> {getErrorMessage(error)}
        </span>
      </p>
      <div className="flex flex-wrap items-center gap-2">
        {onRetry !== undefined && <Button onClick={onRetry}>Try again</Button>}
        {requestId !== null && (
          <span className="flex items-center gap-1 text-small text-ink-2">
            Request <code className="font-mono text-code break-all">{requestId}</code>
            <CopyButton text={requestId} label="Copy request ID" />
          </span>
        )}
      </div>
    </div>
  );
}

export function getErrorMessage(error: unknown): string {
  if (error instanceof ApiError) return error.message;
  return "Something went wrong on this page. Reload it; stored data is safe.";
}
