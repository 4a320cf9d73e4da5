/** Copies a text and says so for a moment. */
import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";

const SAID_MS = 1_500;

export function CopyButton({ text, label }: { readonly text: string; readonly label: string }) {
  const [outcome, setOutcome] = useState<"copied" | "refused" | null>(null);
  useEffect(() => {
    if (outcome === null) return;
    const timer = setTimeout(() => setOutcome(null), SAID_MS);
    return () => clearTimeout(timer);
  }, [outcome]);
  const copy = () => {
    navigator.clipboard.writeText(text).then(
      () => setOutcome("copied"),
      () => setOutcome("refused"),
    );
  };
  return (
    <button
      type="button"
      onClick={copy}
      aria-label={label}
      title={label}
      className="inline-flex h-6 min-w-6 items-center justify-center gap-1 rounded px-1 text-xs text-ink-3 hover:bg-bg hover:text-ink"
    >
      {outcome === "copied" ? <Check size={14} aria-hidden="true" /> : <Copy size={14} aria-hidden="true" />}
      <span role="status" className={outcome === null ? "sr-only" : ""}>
        {outcome === "copied" && "Copied"}
        {outcome === "refused" && "Select and copy by hand"}
      </span>
    </button>
  );
}
