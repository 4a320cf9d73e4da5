/** What no package can test alone: journeys through the whole stack, and recovery when parts of it are killed. */
import { defineConfig } from "vitest/config";
import { LongestFirst } from "./longest-first.ts";
import { isLong } from "../packages/testing/src/series.ts";

const CROWD = ["journeys/many-at-once.test.ts"];
const whole = {
  // A long series is a single test, whose parts have their own timeouts.
  testTimeout: isLong ? 3_600_000 : 300_000,
  hookTimeout: 180_000,
  setupFiles: ["../vitest.setup.ts"],
};

export default defineConfig({
  root: import.meta.dirname,
  test: {
    // Each file starts a separate installation and mostly waits: three at a time keep two cores busy.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    projects: [
      { test: { ...whole, name: "journeys", include: ["journeys/**/*.test.ts"], exclude: CROWD } },
      // It uses the whole machine.
      { test: { ...whole, name: "crowd", include: CROWD, sequence: { groupOrder: 1 } } },
      { test: { ...whole, name: "deploy", include: ["deploy/**/*.test.ts"] } },
      { test: { ...whole, name: "recovery", include: ["recovery/**/*.test.ts"] } },
    ],
  },
});
