import { aMessageView, aSessionView } from "@samovar/testing";
import { expect, it } from "vitest";
import { formatExported, formatExportHead } from "./session-export.ts";

const AT = "2026-01-02T03:04:05.000Z";
const message = aMessageView({ createdAt: Date.parse(AT) });

it("[R47] a JSON line is the message as it is stored, hidden characters included", () => {
  const hidden = { ...message, content: "a\u202eb\nc" };
  const line = formatExported(hidden, "jsonl");
  expect(line.split("\n")).toHaveLength(2);
  expect(JSON.parse(line)).toEqual(hidden);
  expect(formatExportHead(aSessionView(), "jsonl")).toBe("");
});

it("[R47] Markdown has a heading for each message, and shows hidden characters", () => {
  const text = { ...message, role: "assistant", kind: "text", content: "Done\u202e.\n", interrupted: true } as const;
  expect(formatExported(text, "md")).toBe(`\n## Agent · ${AT} · interrupted\n\nDone⟨U+202E⟩.\n`);
  expect(formatExportHead(aSessionView({ topic: "Brew\n# tea" }), "md")).toMatch(/^# Brew # tea\n\nSession `ses_/);
});

it("[R47] output with a fence in it stays inside of its block, without colours", () => {
  const call = {
    ...message,
    role: "tool",
    kind: "tool",
    content: "",
    toolMetadata: {
      toolCallId: "1",
      tool: "execute",
      title: "cat x",
      target: null,
      status: "success",
      output: "\u001b[31mred\u001b[0m\n```\n# no heading\n```\n",
      exitCode: 0,
    },
  } as const;
  expect(formatExported(call, "md")).toBe(
    `\n## Tool: cat x (success) · ${AT}\n\n\`\`\`\`\nred\n\`\`\`\n# no heading\n\`\`\`\n\`\`\`\`\n\nExit code 0.\n`,
  );
});

it("[R47] a plan becomes a list, and a thought a quotation", () => {
  const plan = JSON.stringify([{ content: "Boil", status: "completed" }]);
  expect(formatExported({ ...message, kind: "plan", content: plan }, "md")).toContain("\n- [x] Boil\n");
  expect(formatExported({ ...message, kind: "thought", content: "One\ntwo" }, "md")).toContain("\n> One\n> two\n");
});
