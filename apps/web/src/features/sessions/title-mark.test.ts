import { expect, it } from "vitest";
import { aSession, aTask } from "../../api/views.testing.ts";
import { titleMark } from "./title-mark.ts";

it("[R26] the tab says that something works and how many sessions hold something new", () => {
  const session = aSession({ messageCount: 3 });
  const marks = { since: 0, read: new Map([[session.id, 3]]) };
  expect(titleMark([session], [aTask({ status: "completed" })], marks)).toBe("");
  expect(titleMark([session], [aTask({ status: "delegated" })], marks)).toBe("●");
  const grown = { ...session, messageCount: 5 };
  expect(titleMark([grown], [], marks)).toBe("1");
  expect(titleMark([grown], [aTask({ status: "in_progress" })], marks)).toBe("● 1");
});
