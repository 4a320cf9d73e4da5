/** Reads a unified diff as git writes it. Pure; what is not understood is passed over, never thrown at. */
import type { DiffLine } from "@samovar/domain/line-diff";

export interface UnifiedFile {
  readonly path: string;
  readonly from: string | null;
  readonly change: "added" | "modified" | "deleted" | "renamed" | "binary";
  readonly hunks: readonly UnifiedHunk[];
}

export interface UnifiedHunk {
  /** Line of the old text at which it begins, from 1. */
  readonly start: number;
  readonly lines: readonly DiffLine[];
}

const HUNK = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/;

export function parseUnified(diff: string): readonly UnifiedFile[] {
  const lines = diff.split("\n");
  const starts = lines.flatMap((line, index) => (line.startsWith("diff --git ") ? [index] : []));
  // A line of a file that looks like a header has a sign before it, so the headers are true.
  return starts.map((start, index) => readFile(lines.slice(start, starts[index + 1])));
}

function readFile(lines: readonly string[]): UnifiedFile {
  const at = lines.findIndex((line) => HUNK.test(line));
  const head = at === -1 ? lines : lines.slice(0, at);
  const before = findName(head, "--- ") ?? findName(head, "rename from ");
  const after = findName(head, "+++ ") ?? findName(head, "rename to ");
  const change = readChange(head);
  const path = (change === "deleted" ? before : after) ?? readPath(head[0] ?? "");
  return {
    path,
    from: change === "renamed" ? before : null,
    change,
    hunks: at === -1 ? [] : readHunks(lines.slice(at)),
  };
}

function readChange(head: readonly string[]): UnifiedFile["change"] {
  const has = (start: string) => head.some((line) => line.startsWith(start));
  if (has("Binary files ") || has("GIT binary patch")) return "binary";
  if (has("new file mode ")) return "added";
  if (has("deleted file mode ")) return "deleted";
  return has("rename from ") ? "renamed" : "modified";
}

/** The name on a header's line; null for `/dev/null` and where there is no such line. */
function findName(head: readonly string[], start: string): string | null {
  const line = head.find((each) => each.startsWith(start));
  if (line === undefined) return null;
  // A tab ends a name with spaces in it.
  const name = unquoted(line.slice(start.length).replace(/\t$/, ""));
  if (name === "/dev/null") return null;
  return start === "--- " || start === "+++ " ? name.replace(/^[ab]\//, "") : name;
}

/** `diff --git a/x b/x`: for a file without hunks both halves are the same name. */
function readPath(header: string): string {
  const names = header.slice("diff --git ".length);
  const quoted = /^"(?:[^"\\]|\\.)*" ("(?:[^"\\]|\\.)*")$/.exec(names);
  const second = quoted?.[1] ?? names.slice(Math.ceil(names.length / 2));
  return unquoted(second).replace(/^b\//, "");
}

const ESCAPES: Readonly<Record<string, number>> = { n: 10, t: 9, r: 13, a: 7, b: 8, f: 12, v: 11 };

/** Git quotes names with other than plain letters: bytes of UTF-8, in octal. */
function unquoted(name: string): string {
  if (!name.startsWith('"') || !name.endsWith('"')) return name;
  const bytes: number[] = [];
  for (const [part, escaped] of name.slice(1, -1).matchAll(/\\([0-7]{3}|.)|[^\\]+/gu)) {
    if (escaped === undefined) bytes.push(...new TextEncoder().encode(part));
    else if (/^[0-7]{3}$/.test(escaped)) bytes.push(Number.parseInt(escaped, 8));
    else bytes.push(ESCAPES[escaped] ?? escaped.codePointAt(0) ?? 0);
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

function readHunks(lines: readonly string[]): readonly UnifiedHunk[] {
  const hunks: { start: number; lines: DiffLine[] }[] = [];
  let before = 0;
  let after = 0;
  for (const line of lines) {
    const found = HUNK.exec(line);
    if (found !== null) {
      // A hunk that takes nothing away names the line before it.
      before = Number(found[1]) + (found[2] === "0" ? 1 : 0);
      after = Number(found[3]) + (found[4] === "0" ? 1 : 0);
      hunks.push({ start: before, lines: [] });
      continue;
    }
    const hunk = hunks.at(-1)?.lines;
    const text = line.slice(1);
    if (line.startsWith("+")) hunk?.push({ kind: "added", text, after: after++ });
    else if (line.startsWith("-")) hunk?.push({ kind: "removed", text, before: before++ });
    else if (line.startsWith(" ")) hunk?.push({ kind: "same", text, before: before++, after: after++ });
  }
  return hunks;
}
