import type { MessageView, ToolMetadata } from "@samovar/contracts";
import { describe, expect, it } from "vitest";
import { aMessage } from "../../api/views.testing.ts";
import { getAnnouncement } from "./announcements.ts";

const tool = (status: ToolMetadata["status"]): ToolMetadata => ({
  toolCallId: "c",
  tool: "execute",
  title: "npm test",
  target: null,
  status,
});
const user = aMessage({ role: "user", position: 0, final: true });
const text = aMessage({ position: 1 });
const call = aMessage({ kind: "tool", role: "tool", position: 2, toolMetadata: tool("running") });
const all: readonly MessageView[] = [user, text, call];

describe("[R34] a screen reader", () => {
  it("says once that the agent replied, and not while the text arrives", () => {
    const more = all.with(1, { ...text, content: "Half of" });
    const whole = more.with(1, { ...text, content: "Half of it", final: true });
    expect(getAnnouncement(all, more)).toBeNull();
    expect(getAnnouncement(more, whole)).toBe("Agent replied");
    expect(getAnnouncement(whole, whole)).toBeNull();
    expect(getAnnouncement(whole, whole.with(2, { ...call, revision: 2 }))).toBeNull();
  });

  it("reports a failed step", () => {
    expect(getAnnouncement(all, all.with(2, { ...call, toolMetadata: tool("error") }))).toBe("A step failed: npm test");
  });

  it("ignores older messages that join in front", () => {
    const older = aMessage({ position: -1, final: true });
    expect(getAnnouncement(all, [older, ...all])).toBeNull();
  });
});
