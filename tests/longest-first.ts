/** Orders the test files: the longest first, so that the last one does not run alone for long. */
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The longest files, in order of their duration on two idle cores. */
const LONGEST = [
  "page-access",
  "repository-settings",
  "claude-code",
  "opencode-codex-gemini",
  "agents",
  "page-live",
  "board",
  "transcript",
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- Vitest's own method, not an array's.
    const rest = await super.sort(files);
    return rest.toSorted((a, b) => getRank(a) - getRank(b));
  }
}

function getRank({ moduleId }: TestSpecification): number {
  const at = LONGEST.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
  return at === -1 ? LONGEST.length : at;
}
