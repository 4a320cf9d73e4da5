import { systemRandom } from "@samovar/base";
import { testTime } from "@samovar/testing/test-time";
import { describe, expect, it } from "vitest";
import { RunStarts } from "./run-starts.ts";

function createStarts() {
  const time = testTime();
  const starts = new RunStarts({ clock: time, timers: time, random: systemRandom });
  /** Lets what waits look again, as often as it takes to start. */
  const advance = async (ms: number) => {
    const until = time.now() + ms;
    while (time.now() < until) {
      time.advance(10);
      await settle();
    }
  };
  return { starts, advance };
}

/** Runs what the timers resumed. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

interface Begun {
  readonly name: number;
  readonly finish: () => void;
}

/** Starts that wait until they are finished. */
function begin(starts: RunStarts, atOnce: number, names: readonly number[]) {
  const begun: Begun[] = [];
  const done = names.map((name) =>
    starts.run(atOnce, () => new Promise<number>((resolve) => begun.push({ name, finish: () => resolve(name) }))),
  );
  return { begun, done };
}

describe("[R20] runs that start", () => {
  it("take turns, and all of them start", async () => {
    const { starts, advance } = createStarts();
    const { begun, done } = begin(starts, 2, [0, 1, 2, 3, 4]);
    for (const expected of [2, 3, 4, 5, 5]) {
      await advance(100);
      expect(begun).toHaveLength(expected);
      begun[expected - 2]?.finish();
    }
    for (const each of begun) each.finish();
    expect(await Promise.all(done)).toEqual([0, 1, 2, 3, 4]);
  });

  it("do not wait for one that never comes back", async () => {
    const { starts, advance } = createStarts();
    const { begun } = begin(starts, 1, [0, 1]);
    await advance(4_000);
    expect(begun.map(({ name }) => name)).toEqual([0]);
    await advance(2_000);
    expect(begun.map(({ name }) => name)).toEqual([0, 1]);
  });

  it("that fail throw their error and give their turn to the next", async () => {
    const { starts, advance } = createStarts();
    const failing = starts.run(1, () => Promise.reject(new Error("no workflow")));
    const { begun } = begin(starts, 1, [1]);
    await expect(failing).rejects.toThrow("no workflow");
    await advance(100);
    expect(begun).toHaveLength(1);
  });
});
