import { expect, it } from "vitest";
import { aSession, aTask } from "../../api/views.testing.ts";
import { toTitleMark } from "./title-mark.ts";

it("[R26] the tab says that something works and how many sessions hold something new", () => {
  const session = aSession({ messageCount: 3 });
  const marks = { since: 0, read: new Map([[session.id, 3]]) };
  expect(toTitleMark([session], [aTask({ status: "completed" })], marks)).toBe("");
  expect(toTitleMark([session], [aTask({ status: "delegated" })], marks)).toBe("●");
  const grown = { ...session, messageCount: 5 };
  expect(toTitleMark([grown], [], marks)).toBe("1");
  expect(toTitleMark([grown], [aTask({ status: "in_progress" })], marks)).toBe("● 1");
});
