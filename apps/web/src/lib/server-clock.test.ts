import { expect, it } from "vitest";
import { createServerClock } from "./server-clock.ts";

const at = (ms: number) => new Date(ms).toUTCString();

it("[F18] gives the server's time on a computer whose clock is an hour off", () => {
  const clock = createServerClock(() => 10_000_000);
  clock.learn(at(13_600_000));
  expect(clock.now()).toBe(13_600_000);
});

it("trusts its own clock within the resolution of the header, and ignores nonsense", () => {
  const clock = createServerClock(() => 10_000_500);
  clock.learn(at(10_000_000));
  clock.learn("yesterday");
  clock.learn(null);
  expect(clock.now()).toBe(10_000_500);
});
