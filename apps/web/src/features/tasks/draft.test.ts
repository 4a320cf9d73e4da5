import { createTask } from "@samovar/contracts";
import { expect, it } from "vitest";
import { make } from "../../api/views.testing.ts";
import { clearAfterSending, toDraft, emptyDraft, readDraft, toTask, writeDraft, type Draft } from "./draft.ts";

const whole: Draft = {
  text: "Boil\nslowly",
  agent: "script",
  model: "strong",
  permissionMode: "plan",
  vmSize: "large",
  priority: 2,
  baseBranch: "main",
  dependsOn: [make("tsk")],
};

it("comes back as it was kept", () => {
  expect(readDraft(writeDraft(whole))).toEqual(whole);
});

it("keeps nothing of an empty draft", () => {
  expect(writeDraft(emptyDraft)).toBe("");
});

it.each(["", "null", "[]", "{}", '{"text":1}', "nonsense"])("%j is an empty draft", (kept) =>
  expect(readDraft(kept)).toEqual(emptyDraft),
);

it("keeps the text of a draft whose choices no longer exist, and a branch that is still being typed", () => {
  expect(readDraft('{"text":"Boil","agent":"Gone!","baseBranch":"feat/"}')).toEqual({
    ...emptyDraft,
    text: "Boil",
    baseBranch: "feat/",
  });
});

it("becomes a task that the server's own schema takes, and comes back from it", () => {
  const task = toTask(whole, true);
  expect(createTask.parse(task)).toMatchObject({ description: "Boil\nslowly", run: true, agent: "script" });
  expect(toDraft(task)).toEqual(whole);
});

it("leaves to the project what is not chosen", () => {
  expect(toTask({ ...emptyDraft, text: "Boil", baseBranch: " " }, false)).toMatchObject({
    run: false,
    baseBranch: null,
    agent: null,
  });
});

it("keeps the run options for the next task, and forgets what only this task needed", () => {
  expect(clearAfterSending(whole)).toEqual({ ...whole, text: "", priority: 0, baseBranch: "", dependsOn: [] });
});
