/** Formats a workspace's path, branch and changes. */
import type { WorkspaceDiff } from "@samovar/contracts";
import { Facts } from "./facts.ts";
import { toSafeLine, toSafeText } from "./safe-text.ts";
import type { Style } from "./terminal.ts";
import { formatCount } from "./units.ts";

const MAX_FILES = 50;
const MARKS: Readonly<Record<WorkspaceDiff["files"][number]["change"], string>> = {
  added: "A",
  modified: "M",
  deleted: "D",
  renamed: "R",
  untracked: "?",
};

export function formatDiff(look: WorkspaceDiff, withDiff: boolean, style: Style): string[] {
  const facts = new Facts(style);
  facts.add("path", toSafeLine(look.path, 4_000));
  facts.add("branch", look.branch === null ? "none (detached HEAD)" : toSafeLine(look.branch, 200));
  facts.add("head", look.head === null ? "no commits" : look.head.slice(0, 9));
  const names = look.files.slice(0, MAX_FILES).map(({ path, change }) => `${MARKS[change]} ${toSafeLine(path, 200)}`);
  const left = look.files.length - names.length;
  facts.add(
    "changed",
    [...names, ...(left > 0 ? [`… ${formatCount(left, "more file")}`] : [])].join("\n") || "nothing",
  );
  if (!withDiff) return facts.lines;
  const cut = look.truncated ? [style.yellow("… truncated; see the workspace for the rest")] : [];
  return [...facts.lines, "", ...formatDiffLines(look.diff, style), ...cut];
}

function formatDiffLines(diff: string, style: Style): string[] {
  const paint = (line: string): string => {
    if (/^(diff |index |--- |\+\+\+ |new file|deleted file|rename |similarity )/.test(line)) return style.bold(line);
    if (line.startsWith("@@")) return style.cyan(line);
    if (line.startsWith("+")) return style.green(line);
    return line.startsWith("-") ? style.red(line) : line;
  };
  return toSafeText(diff).trimEnd().split("\n").map(paint);
}
