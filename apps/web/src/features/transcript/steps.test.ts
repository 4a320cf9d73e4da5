import type { MessageView, ToolMetadata } from "@samovar/contracts";
import { describe, expect, it } from "vitest";
import { aMessage } from "../../api/views.testing.ts";
import { getShownToolStatus, labelSteps, pickWorthSeeing } from "./steps.ts";

const call = (status: ToolMetadata["status"], paths: readonly string[] = []): MessageView =>
  aMessage({
    kind: "tool",
    final: status === "success" || status === "error",
    toolMetadata: {
      toolCallId: "c",
      tool: "edit",
      title: "Edit",
      target: null,
      status,
      diffs: paths.map((path) => ({ path, oldText: null, newText: "" })),
    },
  });

const none = () => false;

describe("[R27] a run of tool calls", () => {
  it("is summed up in one line: a file that was changed twice counts once", () => {
    const run = [call("success", ["a", "b"]), call("success", ["b"]), call("error")];
    expect(labelSteps(run, true)).toBe("3 steps, 2 files, 1 failed");
    expect(labelSteps([call("success")], true)).toBe("1 step");
  });

  it("keeps visible what failed, what runs and what the reader opened", () => {
    const [fine, failed, opened, running, last] = [
      call("success"),
      call("error"),
      call("success"),
      call("running"),
      call("success"),
    ];
    const run = [fine, failed, opened, running, last];
    const seen = (live: boolean, isLast: boolean) =>
      pickWorthSeeing(run, { live, last: isLast, opened: (id) => id === opened.messageId });
    expect(seen(true, true)).toEqual([failed, opened, running, last]);
    expect(seen(true, false)).toEqual([failed, opened, running]);
    expect(pickWorthSeeing([fine], { live: false, last: true, opened: none })).toEqual([]);
  });

  it("calls interrupted what its session left unfinished", () => {
    expect(getShownToolStatus(call("running"), true)).toBe("running");
    expect(getShownToolStatus(call("running"), false)).toBe("interrupted");
    expect(getShownToolStatus({ ...call("pending"), interrupted: true }, true)).toBe("interrupted");
    expect(pickWorthSeeing([call("running")], { live: false, last: true, opened: none })).toHaveLength(1);
    expect(labelSteps([call("running"), call("success")], false)).toBe("2 steps, 1 failed");
  });
});
