/** What no package can prove alone: journeys through the whole stack, and recovery from what kills parts of it. */
import { defineConfig } from "vitest/config";
import { LongestFirst } from "./longest-first.ts";
import { isLong } from "../packages/testing/src/series.ts";

const CROWD = ["journeys/many-at-once.test.ts"];
const whole = {
  // A long series is one test, of which each part has limits of its own.
  testTimeout: isLong ? 3_600_000 : 300_000,
  hookTimeout: 180_000,
  setupFiles: ["../vitest.setup.ts"],
};

export default defineConfig({
  root: import.meta.dirname,
  test: {
    // Each file has an installation of its own, and waits more than it works: three at a time fill two cores.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    projects: [
      { test: { ...whole, name: "journeys", include: ["journeys/**/*.test.ts"], exclude: CROWD } },
      // It fills the machine by itself.
      { test: { ...whole, name: "crowd", include: CROWD, sequence: { groupOrder: 1 } } },
      { test: { ...whole, name: "recovery", include: ["recovery/**/*.test.ts"] } },
    ],
  },
});
