/** Copies a text and says so for a moment. */
import { Check, Copy } from "lucide-react";
import { useEffect, useState, type ReactNode } from "react";

const SAID_MS = 1_500;

interface CopyButtonProps {
  readonly text: string;
  readonly label: string;
  readonly icon?: ReactNode;
}

const COPY = <Copy size={14} aria-hidden="true" />;

export function CopyButton({ text, label, icon = COPY }: CopyButtonProps) {
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
      className="inline-flex min-h-6 min-w-6 shrink-0 items-center justify-center gap-1 rounded px-1 text-xs text-ink-3 hover:bg-bg hover:text-ink pointer-coarse:min-h-11 pointer-coarse:min-w-11"
    >
      {outcome === "copied" ? <Check size={14} aria-hidden="true" /> : icon}
      <span role="status" className={outcome === null ? "sr-only" : ""}>
        {outcome === "copied" && "Copied"}
        {outcome === "refused" && "Copy it by hand"}
      </span>
    </button>
  );
}
