import { createTask } from "@samovar/contracts";
import { expect, it } from "vitest";
import { emptyDraft, readDraft, toTask, writeDraft } from "./draft.ts";

it("comes back as it was kept", () => {
  const draft = { text: "Boil\nslowly", agent: "script", vmSize: "large" } as const;
  expect(readDraft(writeDraft(draft))).toEqual(draft);
});

it("keeps nothing of an empty draft", () => {
  expect(writeDraft(emptyDraft)).toBe("");
});

it.each(["", "null", "[]", "{}", '{"text":1}', "nonsense"])("%j is an empty draft", (kept) =>
  expect(readDraft(kept)).toEqual(emptyDraft),
);

it("keeps the text of a draft whose choices no longer exist", () => {
  expect(readDraft('{"text":"Boil","agent":"Gone!","vmSize":null}')).toEqual({ ...emptyDraft, text: "Boil" });
});

it("becomes a task that the server's own schema takes", () => {
  expect(createTask.parse(toTask({ text: " Boil ", agent: "script", vmSize: null }, true))).toMatchObject({
    description: "Boil",
    run: true,
    agent: "script",
  });
});
