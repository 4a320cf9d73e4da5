/**
 * The difference of two texts, line by line (Myers' greedy algorithm). Texts that differ too much are shown as all removed
 * and all added: such a diff is unreadable, and it must not freeze the page.
 */

export type DiffLine =
  | { readonly kind: "same"; readonly text: string; readonly before: number; readonly after: number }
  | { readonly kind: "removed"; readonly text: string; readonly before: number }
  | { readonly kind: "added"; readonly text: string; readonly after: number };

/** Lines near a change, or a stretch far from any. */
export interface DiffPart {
  readonly kind: "shown" | "gap";
  readonly lines: readonly DiffLine[];
}

const CONTEXT = 3;
/** A shorter gap is not worth its own line. */
const SHORTEST_GAP = 2;
const MAX_EDITS = 600;

export interface LineDiff {
  readonly parts: readonly DiffPart[];
  readonly added: number;
  readonly removed: number;
}

export function lineDiff(oldText: string | null, newText: string): LineDiff {
  const before = linesOf(oldText ?? "");
  const after = linesOf(newText);
  const lines = number(edits(before, after));
  return {
    parts: partsOf(lines),
    added: lines.filter((line) => line.kind === "added").length,
    removed: lines.filter((line) => line.kind === "removed").length,
  };
}

type Edit = { readonly kind: "same" | "removed" | "added"; readonly text: string };

function linesOf(text: string): readonly string[] {
  if (text === "") return [];
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

const same = (text: string): Edit => ({ kind: "same", text });

function edits(before: readonly string[], after: readonly string[]): readonly Edit[] {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) head++;
  let tail = 0;
  while (tail < shorter - head && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++;
  return [
    ...before.slice(0, head).map(same),
    ...middle(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...before.slice(before.length - tail).map(same),
  ];
}

function middle(before: readonly string[], after: readonly string[]): readonly Edit[] {
  const rounds = furthest(before, after);
  if (rounds !== null) return walkBack(before, after, rounds);
  return [
    ...before.map((text): Edit => ({ kind: "removed", text })),
    ...after.map((text): Edit => ({ kind: "added", text })),
  ];
}

type Reach = ReadonlyMap<number, number>;

/** For each number of edits the furthest line reached on each diagonal; null when there are too many edits. */
function furthest(before: readonly string[], after: readonly string[]): readonly Reach[] | null {
  const rounds: Reach[] = [];
  let reach: Reach = new Map([[1, 0]]);
  for (let count = 0; count <= Math.min(MAX_EDITS, before.length + after.length); count++) {
    const next = new Map<number, number>();
    for (let diagonal = -count; diagonal <= count; diagonal += 2) {
      let x = stepDown(reach, diagonal, count) ? at(reach, diagonal + 1) : at(reach, diagonal - 1) + 1;
      while (x < before.length && x - diagonal < after.length && before[x] === after[x - diagonal]) x++;
      next.set(diagonal, x);
      if (x >= before.length && x - diagonal >= after.length) return [...rounds, reach];
    }
    rounds.push(reach);
    reach = next;
  }
  return null;
}

function walkBack(before: readonly string[], after: readonly string[], rounds: readonly Reach[]): readonly Edit[] {
  const backwards: Edit[] = [];
  let x = before.length;
  let y = after.length;
  for (let count = rounds.length - 1; count >= 0; count--) {
    const reach = rounds[count] ?? new Map<number, number>();
    const diagonal = x - y;
    const down = stepDown(reach, diagonal, count);
    const fromX = at(reach, down ? diagonal + 1 : diagonal - 1);
    const fromY = fromX - (down ? diagonal + 1 : diagonal - 1);
    const startX = count === 0 ? 0 : fromX;
    const startY = count === 0 ? 0 : fromY;
    while (x > startX && y > startY) {
      x--;
      y--;
      backwards.push({ kind: "same", text: before[x] ?? "" });
    }
    if (count === 0) break;
    backwards.push(down ? { kind: "added", text: after[fromY] ?? "" } : { kind: "removed", text: before[fromX] ?? "" });
    x = fromX;
    y = fromY;
  }
  return backwards.toReversed();
}

function stepDown(reach: Reach, diagonal: number, count: number): boolean {
  return diagonal === -count || (diagonal !== count && at(reach, diagonal - 1) < at(reach, diagonal + 1));
}

const at = (reach: Reach, diagonal: number) => reach.get(diagonal) ?? 0;

function number(changes: readonly Edit[]): readonly DiffLine[] {
  let before = 0;
  let after = 0;
  return changes.map(({ kind, text }) => {
    if (kind !== "added") before++;
    if (kind !== "removed") after++;
    if (kind === "same") return { kind, text, before, after };
    return kind === "removed" ? { kind, text, before } : { kind, text, after };
  });
}

function partsOf(lines: readonly DiffLine[]): readonly DiffPart[] {
  const near = new Set<number>();
  lines.forEach((line, index) => {
    if (line.kind === "same") return;
    for (let around = index - CONTEXT; around <= index + CONTEXT; around++) near.add(around);
  });
  const stretches: { kind: DiffPart["kind"]; lines: DiffLine[] }[] = [];
  lines.forEach((line, index) => {
    const kind = near.has(index) ? "shown" : "gap";
    const stretch = stretches.at(-1);
    if (stretch?.kind === kind) stretch.lines.push(line);
    else stretches.push({ kind, lines: [line] });
  });
  return joinShown(stretches);
}

function joinShown(stretches: readonly DiffPart[]): readonly DiffPart[] {
  const parts: DiffPart[] = [];
  for (const stretch of stretches) {
    const kind = stretch.lines.length < SHORTEST_GAP ? "shown" : stretch.kind;
    const last = parts.at(-1);
    if (kind === "shown" && last?.kind === "shown")
      parts.splice(-1, 1, { kind, lines: [...last.lines, ...stretch.lines] });
    else parts.push({ kind, lines: stretch.lines });
  }
  return parts;
}
