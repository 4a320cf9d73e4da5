/** What the agent thought: folded, for those who ask. */
import { Brain } from "lucide-react";
import { Markdown } from "../../ui/markdown/markdown.tsx";
import { Fold } from "../../ui/fold.tsx";

interface ThoughtRowProps {
  readonly text: string;
  readonly live: boolean;
  readonly open: boolean;
  readonly onToggle: () => void;
}

export function ThoughtRow({ text, live, open, onToggle }: ThoughtRowProps) {
  const firstLine = text.trimStart().split("\n", 1)[0] ?? "";
  return (
    <Fold
      open={open}
      onToggle={onToggle}
      framed={false}
      line={
        <>
          <Brain size={16} className="shrink-0 text-ink-3" aria-hidden="true" />
          <span className="shrink-0 text-ink-2">{live ? "Thinking" : "Thought"}</span>
          {!open && <span className="min-w-0 truncate text-ink-3">{firstLine.slice(0, 300)}</span>}
        </>
      }
    >
      <div className="text-ink-2">
        <Markdown text={text} live={live} />
      </div>
    </Fold>
  );
}
