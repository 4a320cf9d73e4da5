import { describe, expect, it } from "vitest";
import { KEYMAP, match, toStep, formatStep } from "./keymap.ts";

const outside = { typing: false, singleKeys: true };
const press = (key: string, more: Partial<Parameters<typeof toStep>[0]> = {}) =>
  toStep({ key, mod: false, alt: false, shift: false, ...more });

describe("the keymap", () => {
  it("gives each command one sequence, and each sequence to one command", () => {
    const steps = KEYMAP.map((each) => each.steps.join(" "));
    expect(new Set(steps).size).toBe(steps.length);
    expect(new Set(KEYMAP.map((each) => each.id)).size).toBe(KEYMAP.length);
    for (const { steps: own } of KEYMAP) {
      const asBeginning = KEYMAP.filter((other) => other.steps.length > own.length && other.steps[0] === own[0]);
      expect(asBeginning, `${own.join(" ")} would never let a longer one begin`).toEqual([]);
    }
  });

  it("finds one by its steps, and forgets a beginning that led nowhere", () => {
    expect(match(KEYMAP, [], "g", outside)).toEqual({ kind: "begun", steps: ["g"] });
    expect(match(KEYMAP, ["g"], "b", outside)).toEqual({ kind: "found", id: "go.board" });
    expect(match(KEYMAP, ["g"], "x", outside)).toEqual({ kind: "none" });
    expect(match(KEYMAP, ["g"], "c", outside)).toEqual({ kind: "found", id: "go.chat" });
    expect(match(KEYMAP, ["x"], "c", outside)).toEqual({ kind: "found", id: "task.new" });
  });

  it("ignores letters while typing, and when single-letter shortcuts are off", () => {
    expect(match(KEYMAP, [], "c", { typing: true, singleKeys: true })).toEqual({ kind: "none" });
    expect(match(KEYMAP, [], "c", { typing: false, singleKeys: false })).toEqual({ kind: "none" });
    expect(match(KEYMAP, [], "End", { typing: false, singleKeys: false })).toEqual({
      kind: "found",
      id: "session.last",
    });
    expect(match(KEYMAP, [], "Mod+k", { typing: true, singleKeys: false })).toEqual({ kind: "found", id: "palette" });
  });

  it("reads what was pressed, whatever the keyboard", () => {
    expect(press("K", { mod: true })).toBe("Mod+k");
    expect(press("?", { shift: true })).toBe("?");
    expect(press("Shift", { shift: true })).toBeNull();
    expect(press("ArrowDown", { alt: true })).toBe("Alt+ArrowDown");
    expect(press("Enter", { mod: true, shift: true })).toBe("Mod+Shift+Enter");
    expect([formatStep("Mod+k", true), formatStep("Mod+k", false), formatStep("Alt+ArrowUp", false)]).toEqual([
      "⌘K",
      "Ctrl+K",
      "Alt+↑",
    ]);
  });
});
