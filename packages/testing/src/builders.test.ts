import {
  deliveredMessage,
  messageView,
  nodeView,
  projectView,
  sessionView,
  taskEvent,
  taskView,
} from "@samovar/contracts";
import { expect, it } from "vitest";
import * as builders from "./builders.ts";
import { seededRandom, testTime } from "./test-time.ts";

it("builds what the contracts accept", () => {
  expect(taskView.parse(builders.aTaskView())).toBeDefined();
  expect(taskEvent.parse(builders.aTaskEvent())).toBeDefined();
  expect(projectView.parse(builders.aProjectView())).toBeDefined();
  expect(sessionView.parse(builders.aSessionView())).toBeDefined();
  expect(nodeView.parse(builders.aNodeView())).toBeDefined();
  expect(deliveredMessage.parse(builders.aDeliveredMessage())).toBeDefined();
  const tool = builders.aMessageView({ kind: "tool", role: "tool", toolMetadata: builders.aToolMetadata() });
  expect(messageView.parse(tool)).toEqual(tool);
  expect(builders.aTaskView().id).not.toBe(builders.aTaskView().id);
});

it("runs timers in the order of their time, also those that are set on the way", () => {
  const time = testTime(1_000);
  const ran: string[] = [];
  const note = (name: string) => () => void ran.push(`${name}@${time.now()}`);
  time.after(20, note("late"));
  time.after(10, () => {
    note("early")();
    time.after(5, note("between"));
    time.after(500, note("beyond"));
  });
  const cancel = time.after(15, note("never"));
  cancel();
  time.advance(100);
  expect(ran).toEqual(["early@1010", "between@1015", "late@1020"]);
  expect([time.now(), time.pending]).toEqual([1_100, 1]);
});

const draw = (seed: number) => [...seededRandom(seed).bytes(8)].join();

it("is random in the same way for the same seed", () => {
  expect(draw(3)).toBe(draw(3));
  expect(draw(3)).not.toBe(draw(4));
});
