import type { TaskEvent } from "@samovar/contracts";
import * as fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { formatVerification } from "./verification.ts";
import { toSafeLine, toSafeText } from "./safe-text.ts";
import { formatTable } from "./table.ts";
import { formatEvent } from "./task-events.ts";
import { createTerminal, makeStyle } from "./terminal.ts";
import { formatStartup } from "./timeline.ts";
import { formatAge, formatCount, formatDuration } from "./units.ts";

const plain = makeStyle(false);
// oxlint-disable-next-line no-control-regex -- what must not be there
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;
const digest = (count: number, digest: string) => ({ count, digest: digest.repeat(32) });
const event = (seq: number, at: number, kind: TaskEvent["kind"], data: TaskEvent["data"]): TaskEvent => ({
  seq,
  at,
  actor: "sweep",
  kind,
  data,
});

describe("text for terminals", () => {
  it.each([
    ["\u001b[31mred\u001b[0m", "red"],
    ["\u001b]0;owned\u0007title", "title"],
    ["\u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\", "link"],
    ["a\r\nb\rc\tD\u0007\u009b2J", "a\nbc\tD2J"],
    // As in the page [security 31].
    ["evil\u202etxt.exe", "evil⟨U+202E⟩txt.exe"],
    ["pay\u200bpal\u2066\ufeff", "pay⟨U+200B⟩pal⟨U+2066⟩⟨U+FEFF⟩"],
  ])("[S1] takes control sequences out of %j and shows hidden characters", (text, safe) =>
    expect(toSafeText(text)).toBe(safe),
  );

  it("[S1] never lets an escape or control character through", () => {
    const text = fc.string({
      unit: fc.constantFrom("\u001b", "[", "]", "0", "m", "\u0007", "a", "\n", "\\", "\u009b", "P"),
    });
    fc.assert(fc.property(text, (raw) => void expect(toSafeText(raw)).not.toMatch(CONTROL)));
  });

  it("makes what a note quotes safe [security 30, 31]", () => {
    const written = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    try {
      createTerminal({}).note("No task \u001b[2J\u202eevil\nTry again.");
      expect(written).toHaveBeenCalledExactlyOnceWith("No task ⟨U+202E⟩evil\nTry again.\n");
    } finally {
      written.mockRestore();
    }
  });

  it("joins lines into one and cuts it to a width", () => {
    expect(toSafeLine("a\n  b", 10)).toBe("a b");
    expect(toSafeLine("abcdefgh", 4)).toBe("abc…");
    expect(toSafeLine(" a\u202eb ", 20)).toBe("a⟨U+202E⟩b");
  });

  it("aligns columns, and replaces an empty table with a sentence", () => {
    expect(
      formatTable(
        ["id", "title"],
        [
          ["1", "a"],
          ["234", "b c"],
        ],
        "none",
        plain,
      ),
    ).toBe("ID   TITLE\n1    a\n234  b c");
    expect(formatTable(["id"], [], "none", plain)).toBe("none");
  });

  it("uses colours only when enabled", () => {
    expect(makeStyle(true).red("x")).toBe("\u001b[31mx\u001b[39m");
    expect(plain.red("x")).toBe("x");
  });
});

describe("formatting facts", () => {
  it("formats durations, ages and counts", () => {
    expect([0, 999, 1_500, 61_000, 3_700_000].map(formatDuration)).toEqual([
      "0 ms",
      "999 ms",
      "1.5 s",
      "1 min 1 s",
      "1 h 1 min",
    ]);
    expect([-5, 59_000, 120_000, 7_200_000, 200_000_000].map(formatAge)).toEqual([
      "0 s ago",
      "59 s ago",
      "2 min ago",
      "2 h ago",
      "2 d ago",
    ]);
    expect([formatCount(1, "step"), formatCount(2, "step")]).toEqual(["1 step", "2 steps"]);
  });

  it("[R16] distinguishes complete, incomplete and different transcripts", () => {
    const of = (agreed: boolean, claimed: ReturnType<typeof digest>, stored: ReturnType<typeof digest>) =>
      formatVerification({ agreed, claimed, stored });
    expect(of(true, digest(14, "ab"), digest(14, "ab"))).toBe(
      "transcript complete: 14/14 messages, digest abababababababab",
    );
    expect(of(false, digest(14, "ab"), digest(12, "cd"))).toBe("transcript incomplete: 12/14 messages");
    expect(of(false, digest(14, "ab"), digest(14, "cd"))).toMatch(
      /^transcript differs: 14\/14 messages, digest cdcd.* stored, abab/,
    );
  });
});

describe("the start-up timeline", () => {
  const events = [
    event(1, 0, "step.started", { step: "choose" }),
    event(2, 800, "step.finished", { step: "choose" }),
    event(3, 800, "step.started", { step: "prepare" }),
    event(4, 2_000, "workspace.prepared", { branch: "task/x\u001b[2J" }),
    event(5, 2_300, "step.finished", { step: "prepare" }),
    event(6, 2_300, "step.started", { step: "start" }),
    event(7, 2_400, "step.started", { step: "of tomorrow" }),
    event(8, 5_400, "warning.raised", { step: "start", code: "start_delayed", message: "The node is busy." }),
  ];

  it("shows how long each step took, and which one is running", () => {
    expect(formatStartup(events)).toBe("choose 800 ms · prepare 1.5 s · start …");
    expect(formatStartup([])).toBeNull();
  });

  it("has a line for each event that matters", () => {
    expect(events.map((each) => formatEvent(each, events.slice(0, each.seq), plain))).toEqual([
      "· choosing a node …",
      "· node chosen (800 ms)",
      "· preparing the workspace …",
      "· branch task/x",
      "· workspace ready (1.5 s)",
      "· starting the agent …",
      null,
      "! The node is busy.",
    ]);
  });
});
