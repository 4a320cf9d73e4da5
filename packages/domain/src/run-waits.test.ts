import { DEFAULT_TIME_LIMITS, LONGEST_LIMIT_MS, TIME_LIMITS } from "@samovar/contracts";
import type { TimeLimits } from "@samovar/contracts";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lookPace, MAX_LOOKS, MAX_LOOKS_IN_LINE, MAX_STEPS, runWaits } from "./run-waits.ts";
import { MAX_REPLACEMENTS } from "./task-run.ts";

const anyLimits: fc.Arbitrary<TimeLimits> = fc.record(
  Object.fromEntries(Object.keys(TIME_LIMITS).map((name) => [name, fc.integer({ min: 1, max: LONGEST_LIMIT_MS })])),
) as fc.Arbitrary<TimeLimits>;

describe("[F47] how long a run waits", () => {
  it("is longer than the sum of what happens meanwhile, whatever is set", () => {
    fc.assert(
      fc.property(anyLimits, (set) => {
        const waits = runWaits(set);
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

  it("is what is set, where that holds what it must", () => {
    const waits = runWaits(DEFAULT_TIME_LIMITS);
    expect(waits.workspace).toBe(DEFAULT_TIME_LIMITS.WORKSPACE_READY_TIMEOUT_MS);
    expect(waits.start).toBe(DEFAULT_TIME_LIMITS.SESSION_START_TIMEOUT_MS + DEFAULT_TIME_LIMITS.SETUP_TIMEOUT_MS);
    const wide = { ...DEFAULT_TIME_LIMITS, SESSION_START_TIMEOUT_MS: 3_600_000, WORKSPACE_READY_TIMEOUT_MS: 3_600_000 };
    expect(runWaits(wide)).toMatchObject({ workspace: 3_600_000, start: 3_600_000 + wide.SETUP_TIMEOUT_MS });
  });

  it("all of it together, on one machine, ends before the machine does", () => {
    const { workspace, start, work, drain, removal } = runWaits(DEFAULT_TIME_LIMITS);
    const { NODE_DRAIN_AFTER_MS, WORKSPACE_RETENTION_MS, NODE_MAX_LIFETIME_MS } = DEFAULT_TIME_LIMITS;
    const sum = NODE_DRAIN_AFTER_MS + workspace + start + work + drain + removal + WORKSPACE_RETENTION_MS;
    expect(NODE_MAX_LIFETIME_MS).toBeGreaterThan(sum);
  });
});

/** A wait to its end, with nudges whenever `nudgedAfter` says; the looks that it took, and when the last one was. */
function waited(
  limitMs: number,
  maxLooks: number,
  nudgedAfter: (look: number, waitMs: number) => number | null,
  isSilent = false,
) {
  let now = 0;
  const gaps: number[] = [];
  for (let looks = 1, quiet = 0; ; looks++) {
    if (now >= limitMs) return { looks, now, gaps };
    const { sleepMs, waitMs } = lookPace({ looks, quiet, maxLooks, isSilent }, limitMs, limitMs, now);
    const nudged = waitMs === 0 ? null : nudgedAfter(looks, waitMs);
    quiet = nudged === null ? quiet + 1 : 0;
    gaps.push(sleepMs + (nudged ?? waitMs));
    now += sleepMs + (nudged ?? waitMs);
  }
}

describe("how often a run looks", () => {
  const anyWait = fc.constantFrom(...Object.values(MAX_LOOKS));

  it("[T1] never more than a workflow may, however often it is nudged, and once at the end", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: LONGEST_LIMIT_MS }),
        anyWait,
        fc.infiniteStream(fc.nat(3000)),
        (limitMs, maxLooks, noise) => {
          const { looks, now } = waited(limitMs, maxLooks, (_look, waitMs) => {
            const wish = noise.next().value ?? 0;
            return wish < waitMs ? wish : null;
          });
          expect(looks).toBeLessThanOrEqual(maxLooks + 1);
          expect(now).toBeGreaterThanOrEqual(limitMs);
          expect(now).toBeLessThanOrEqual(limitMs + 2000);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("without a nudge after a quarter of a minute, then every half minute; over four hours a lost nudge costs less than a minute", () => {
    const { gaps } = waited(600_000, MAX_LOOKS.workspace, () => null);
    expect(gaps.slice(0, 3)).toEqual([15_000, 30_000, 30_000]);
    const long = waited(runWaits(DEFAULT_TIME_LIMITS).work, MAX_LOOKS.work, () => null);
    expect(Math.max(...long.gaps)).toBeLessThan(60_000);
  });

  it("soon after a look that nobody answered, since no nudge says when the node's object is back", () => {
    const { gaps } = waited(600_000, MAX_LOOKS.workspace, () => null, true);
    expect(gaps.slice(0, 7)).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  });

  it("and a nudge is heard at once, as long as there are not hundreds of them", () => {
    const { work } = runWaits(DEFAULT_TIME_LIMITS);
    for (const [looks, now] of [
      [1, 0],
      [150, work / 2],
      [390, work - 60_000],
    ] as const)
      expect(lookPace({ looks, quiet: 9, maxLooks: MAX_LOOKS.work, isSilent: false }, work, work, now).sleepMs).toBe(0);
    expect(
      lookPace({ looks: 390, quiet: 0, maxLooks: MAX_LOOKS.work, isSilent: false }, work, work, 60_000).sleepMs,
    ).toBeGreaterThan(0);
  });

  it("a run's looks and all its other steps fit into a workflow, with every replacement", () => {
    const { node, workspace, start, work, drain, removal } = MAX_LOOKS;
    const looks = (node + workspace) * (MAX_REPLACEMENTS + 1) + start + work + drain + removal + 6 * 2;
    const once = 80;
    expect(looks + MAX_LOOKS_IN_LINE + once).toBeLessThan(MAX_STEPS);
  });
});
