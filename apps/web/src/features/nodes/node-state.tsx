/** A node's state by shape, word and colour, and the time until it is destroyed. */
import type { NodeView } from "@samovar/contracts";
import { clsx } from "clsx";
import { ArrowDownToLine, CircleDot, CircleSlash, Clock, Hourglass, Trash2, type LucideIcon } from "lucide-react";
import { HalfCircle } from "../../ui/status-mark.tsx";
import { formatMoment } from "../../lib/format-time.ts";
import { useNow } from "../../ui/use-now.ts";
import { formatCountdown, getShownNode, type ShownNode } from "./node-usage.ts";

interface Look {
  readonly word: string;
  readonly icon: LucideIcon | "half-circle";
  readonly text: string;
  readonly tint: string;
}

const LOOKS: Readonly<Record<ShownNode, Look>> = {
  booting: { word: "Booting", icon: Clock, text: "text-queued", tint: "bg-queued-tint" },
  working: { word: "Working", icon: "half-circle", text: "text-done", tint: "bg-done-tint" },
  free: { word: "Idle", icon: CircleDot, text: "text-done", tint: "bg-done-tint" },
  warm: { word: "Warm", icon: Hourglass, text: "text-working", tint: "bg-working-tint" },
  draining: { word: "Draining", icon: ArrowDownToLine, text: "text-quiet", tint: "bg-quiet-tint" },
  destroying: { word: "Destroying", icon: Trash2, text: "text-failed", tint: "bg-failed-tint" },
  destroyed: { word: "Destroyed", icon: CircleSlash, text: "text-quiet", tint: "bg-quiet-tint" },
};

export function NodeState({ node }: { readonly node: NodeView }) {
  const { word, icon: Icon, text, tint } = LOOKS[getShownNode(node)];
  return (
    <span className="flex flex-wrap items-center gap-x-2 gap-y-1">
      <span
        className={clsx(
          "inline-flex h-6 shrink-0 items-center gap-1.5 rounded-full px-2 text-small font-medium",
          text,
          tint,
        )}
      >
        {Icon === "half-circle" ? (
          <HalfCircle size={14} className={text} />
        ) : (
          <Icon size={14} className="shrink-0" aria-hidden="true" />
        )}
        {word}
      </span>
      {node.warmUntil !== null && <Countdown until={node.warmUntil} />}
    </span>
  );
}

function Countdown({ until }: { readonly until: number }) {
  const now = useNow(1_000);
  return (
    <span className="text-small whitespace-nowrap text-ink-2">
      destroyed in{" "}
      <time dateTime={new Date(until).toISOString()} title={formatMoment(until)} className="tabular-nums">
        {formatCountdown(until - now)}
      </time>
    </span>
  );
}
