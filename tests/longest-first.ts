/** Order of the test files: the longest first, so that the last one to end does not run alone for long. */
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** By seconds on two quiet cores; what is not named takes less. */
const LONGEST = ["page-access", "claude-code", "opencode-codex-gemini", "agents", "page-live", "board", "transcript"];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- Vitest's own method, not an array's.
    const rest = await super.sort(files);
    return rest.toSorted((a, b) => toRank(a) - toRank(b));
  }
}

function toRank({ moduleId }: TestSpecification): number {
  const at = LONGEST.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
  return at === -1 ? LONGEST.length : at;
}
