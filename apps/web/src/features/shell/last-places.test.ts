import { expect, it } from "vitest";
import { openStoredText } from "../../lib/stored-text.ts";
import { createLastPlaces } from "./last-places.ts";
import { projectId, sessionId, taskId } from "@samovar/contracts";

const tea = projectId.parse("prj_01m81hr9fbx57vj7mez7b4f1e7");
const shop = projectId.parse("prj_01m81hr9fbx57vj7mez7b4f1e8");
const session = sessionId.parse("ses_01m81hr9fbx57vj7mez7b4f1e7");
const task = taskId.parse("tsk_01m81hr9fbx57vj7mez7b4f1e7");

function storage(held: Map<string, string> = new Map()) {
  return {
    getItem: (name: string) => held.get(name) ?? null,
    setItem: (name: string, text: string) => void held.set(name, text),
    removeItem: (name: string) => void held.delete(name),
  };
}

it("[R26] both views of each project are remembered over a reload", () => {
  const tab = storage();
  const before = createLastPlaces(openStoredText("places", () => tab));
  before.rememberSession(tea, session);
  before.rememberBoard(shop, { task, filter: "kettle", priority: 1 });
  before.rememberBoard(tea, { filter: "leaf" });

  const after = createLastPlaces(openStoredText("places", () => tab));
  expect(after.session(tea)).toBe(session);
  expect(after.board(tea)).toEqual({ filter: "leaf" });
  expect(after.board(shop)).toEqual({ task, filter: "kettle", priority: 1 });
  expect(after.session(shop)).toBeUndefined();
  expect(after.project()).toBe(tea);
});

it.each(["", "{", "[1]", `[["prj_bad",{}]]`, `[["${tea}",null]]`, `[["${tea}",{"session":"x","board":"y"}]]`])(
  "what was kept as %s leads nowhere",
  (text) => {
    const places = createLastPlaces(openStoredText("places", () => storage(new Map([["places", text]]))));
    expect(places.session(tea)).toBeUndefined();
    expect(places.board(tea)).toEqual({});
  },
);
