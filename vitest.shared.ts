/** What the suites of the parts have in common. */
import { fileURLToPath } from "node:url";

export const suite = {
  /** Test files leave nothing behind in their modules, so one worker loads each module once: most of the time went there. */
  isolate: false,
  /** A test's own waits end earlier, with what they saw (`vitest.setup.ts`). */
  testTimeout: 120_000,
  hookTimeout: 90_000,
} as const;

export const SETUP = fileURLToPath(new URL("./vitest.setup.ts", import.meta.url));
