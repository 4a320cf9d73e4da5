import { DEFAULT_TIME_LIMITS, LONGEST_LIMIT_MS, TIME_LIMITS } from "@samovar/contracts";
import type { TimeLimits } from "@samovar/contracts";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countMostSteps, planPoll, MAX_POLLS, MAX_STEPS, getRunWaits } from "./run-waits.ts";

const anyLimits: fc.Arbitrary<TimeLimits> = fc.record(
  Object.fromEntries(Object.keys(TIME_LIMITS).map((name) => [name, fc.integer({ min: 1, max: LONGEST_LIMIT_MS })])),
) as fc.Arbitrary<TimeLimits>;

describe("[F47] how long a run waits", () => {
  it("exceeds the sum of the limits inside it, whatever the settings", () => {
    fc.assert(
      fc.property(anyLimits, (set) => {
        const waits = getRunWaits(set);
        const stopped = set.SESSION_STOP_TIMEOUT_MS + set.DRAIN_TIMEOUT_MS;
        expect(waits.node).toBeGreaterThan(set.NODE_BOOT_TIMEOUT_MS);
        expect(waits.workspace).toBeGreaterThan(set.CLONE_TIMEOUT_MS);
        expect(waits.start).toBeGreaterThan(
          set.AGENT_INSTALL_TIMEOUT_MS +
            3 * set.START_WAIT_MS +
            set.AGENT_CREDENTIAL_MS +
            set.SETUP_TIMEOUT_MS +
            set.AGENT_READY_MS +
            set.AGENT_RESTART_MS,
        );
        expect(waits.work).toBeGreaterThan(set.TASK_MAX_DURATION_MS + set.FINISH_TIMEOUT_MS + stopped);
        expect(waits.drain).toBeGreaterThan(stopped);
      }),
    );
  });

  it("is the setting itself where that is long enough", () => {
    const waits = getRunWaits(DEFAULT_TIME_LIMITS);
    expect(waits.workspace).toBe(DEFAULT_TIME_LIMITS.WORKSPACE_READY_TIMEOUT_MS);
    expect(waits.start).toBe(DEFAULT_TIME_LIMITS.SESSION_START_TIMEOUT_MS + DEFAULT_TIME_LIMITS.SETUP_TIMEOUT_MS);
    const wide = { ...DEFAULT_TIME_LIMITS, SESSION_START_TIMEOUT_MS: 3_600_000, WORKSPACE_READY_TIMEOUT_MS: 3_600_000 };
    expect(getRunWaits(wide)).toMatchObject({ workspace: 3_600_000, start: 3_600_000 + wide.SETUP_TIMEOUT_MS });
  });

  it("adds up, on one node, to less than the node's lifetime", () => {
    const { workspace, start, work, drain, removal } = getRunWaits(DEFAULT_TIME_LIMITS);
    const { NODE_DRAIN_AFTER_MS, WORKSPACE_RETENTION_MS, NODE_MAX_LIFETIME_MS } = DEFAULT_TIME_LIMITS;
    const sum = NODE_DRAIN_AFTER_MS + workspace + start + work + drain + removal + WORKSPACE_RETENTION_MS;
    expect(NODE_MAX_LIFETIME_MS).toBeGreaterThan(sum);
  });
});

/** Runs a wait to its end, with a signal whenever `signalAfter` returns one; returns the polls taken, the gaps between them and the end. */
function simulateWait(
  limitMs: number,
  maxPolls: number,
  signalAfter: (poll: number, waitMs: number) => number | null,
  isSilent = false,
) {
  let now = 0;
  const gaps: number[] = [];
  for (let polls = 1, unchanged = 0; ; polls++) {
    if (now >= limitMs) return { polls, now, gaps };
    const { sleepMs, waitMs } = planPoll({ polls, unchanged, maxPolls, isSilent }, limitMs, limitMs, now);
    const signal = waitMs === 0 ? null : signalAfter(polls, waitMs);
    unchanged = signal === null ? unchanged + 1 : 0;
    gaps.push(sleepMs + (signal ?? waitMs));
    now += sleepMs + (signal ?? waitMs);
  }
}

describe("how often a run polls", () => {
  const anyWait = fc.constantFrom(...Object.values(MAX_POLLS));

  it("[T1] stays within the workflow's steps however many signals come, and polls once at the end", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: LONGEST_LIMIT_MS }),
        anyWait,
        fc.infiniteStream(fc.nat(3000)),
        (limitMs, maxPolls, noise) => {
          const { polls, now } = simulateWait(limitMs, maxPolls, (_poll, waitMs) => {
            const afterMs = noise.next().value ?? 0;
            return afterMs < waitMs ? afterMs : null;
          });
          expect(polls).toBeLessThanOrEqual(maxPolls + 1);
          expect(now).toBeGreaterThanOrEqual(limitMs);
          expect(now).toBeLessThanOrEqual(limitMs + 2000);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("polls after 15 seconds without a signal, then every 30; in a wait of four hours a lost signal costs less than a minute", () => {
    const { gaps } = simulateWait(600_000, MAX_POLLS.workspace, () => null);
    expect(gaps.slice(0, 3)).toEqual([15_000, 30_000, 30_000]);
    const long = simulateWait(getRunWaits(DEFAULT_TIME_LIMITS).work, MAX_POLLS.work, () => null);
    expect(Math.max(...long.gaps)).toBeLessThan(60_000);
  });

  it("polls again soon after the node's object did not answer, because no signal announces its return", () => {
    const { gaps } = simulateWait(600_000, MAX_POLLS.workspace, () => null, true);
    expect(gaps.slice(0, 7)).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  });

  it("reacts to a signal at once, as long as there are not hundreds of them", () => {
    const { work } = getRunWaits(DEFAULT_TIME_LIMITS);
    for (const [polls, now] of [
      [1, 0],
      [150, work / 2],
      [390, work - 60_000],
    ] as const)
      expect(
        planPoll({ polls, unchanged: 9, maxPolls: MAX_POLLS.work, isSilent: false }, work, work, now).sleepMs,
      ).toBe(0);
    expect(
      planPoll({ polls: 390, unchanged: 0, maxPolls: MAX_POLLS.work, isSilent: false }, work, work, 60_000).sleepMs,
    ).toBeGreaterThan(0);
  });

  it("fits into a workflow together with all other steps of a run and every replacement node, even if each wait is a step", () => {
    expect(countMostSteps()).toBe(2678);
    expect(countMostSteps()).toBeLessThan(MAX_STEPS / 2);
  });
});
