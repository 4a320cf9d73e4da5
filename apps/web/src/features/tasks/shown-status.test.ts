import type { TaskOutput } from "@samovar/contracts";
import { describe, expect, it } from "vitest";
import { aTask, make } from "../../api/views.testing.ts";
import { mayBeRetained, getShownBranch } from "./shown-status.ts";

const [branch, workspaceId] = ["task/kettle", make("wsp")];
const output = (pushed: string | null): TaskOutput => ({
  branch: pushed,
  commits: [],
  diffStat: null,
  summary: null,
  pullRequestUrl: null,
  warning: null,
  usage: null,
  stopReason: null,
  restarts: 0,
  bundle: null,
  durations: {},
  transcript: null,
});

describe("the branch that a task shows", () => {
  it("is its own while it runs", () => {
    expect(getShownBranch(aTask({ status: "in_progress", branch }), null)).toBe(branch);
    expect(getShownBranch(aTask({ status: "queued" }), null)).toBeNull();
  });

  it("is what was pushed once it has ended, and none when nothing was", () => {
    expect(getShownBranch(aTask({ status: "completed", branch, output: output(branch) }), null)).toBe(branch);
    expect(getShownBranch(aTask({ status: "failed", branch, output: output(branch) }), null)).toBe(branch);
    expect(
      getShownBranch(aTask({ status: "completed", branch, workspaceId, output: output(null) }), "retained"),
    ).toBeNull();
  });

  it("is there after a failure as long as the workspace is kept", () => {
    const failed = aTask({ status: "failed", branch, workspaceId, output: output(null) });
    expect([
      getShownBranch(failed, "retained"),
      getShownBranch(failed, "destroyed"),
      getShownBranch(failed, null),
    ]).toEqual([branch, null, null]);
  });

  it("asks for a workspace only when the work may be there alone", () => {
    expect(mayBeRetained(aTask({ status: "cancelled", workspaceId }))).toBe(true);
    expect(mayBeRetained(aTask({ status: "cancelled", workspaceId, output: output(branch) }))).toBe(false);
    expect([
      mayBeRetained(aTask({ status: "failed" })),
      mayBeRetained(aTask({ status: "completed", workspaceId })),
    ]).toEqual([false, false]);
  });
});
