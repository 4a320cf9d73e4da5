/** What changed between two texts, as lines: the common beginning and end are left out. */

export interface ChangedLines {
  readonly removed: readonly string[];
  readonly added: readonly string[];
}

export function changedLines(oldText: string | null, newText: string): ChangedLines {
  const before = linesOf(oldText ?? "");
  const after = linesOf(newText);
  const shortest = Math.min(before.length, after.length);
  let head = 0;
  while (head < shortest && before[head] === after[head]) head++;
  let tail = 0;
  while (tail < shortest - head && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++;
  return { removed: before.slice(head, before.length - tail), added: after.slice(head, after.length - tail) };
}

function linesOf(text: string): string[] {
  if (text === "") return [];
  return (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n");
}
