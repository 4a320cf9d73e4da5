/** A diff's lines side by side: what went beside what came in its place. Pure. */
import type { DiffLine } from "@samovar/domain/line-diff";

export interface SplitLine {
  readonly left: Extract<DiffLine, { kind: "same" | "removed" }> | null;
  readonly right: Extract<DiffLine, { kind: "same" | "added" }> | null;
}

export function splitLines(lines: readonly DiffLine[]): readonly SplitLine[] {
  const pairs: SplitLine[] = [];
  let removed: Extract<DiffLine, { kind: "removed" }>[] = [];
  let added: Extract<DiffLine, { kind: "added" }>[] = [];
  const settle = () => {
    for (let index = 0; index < Math.max(removed.length, added.length); index++)
      pairs.push({ left: removed[index] ?? null, right: added[index] ?? null });
    removed = [];
    added = [];
  };
  for (const line of lines) {
    if (line.kind === "removed") removed.push(line);
    else if (line.kind === "added") added.push(line);
    else {
      settle();
      pairs.push({ left: line, right: line });
    }
  }
  settle();
  return pairs;
}
