/** Options that the unit suites share. */
import { fileURLToPath } from "node:url";

export const suite = {
  /** Tests leave no state in modules, so a worker loads each module only once, which saves most of the time. */
  isolate: false,
  /** A test's own waits end earlier, with a better error (`vitest.setup.ts`). */
  testTimeout: 120_000,
  hookTimeout: 90_000,
} as const;

export const SETUP = fileURLToPath(new URL("./vitest.setup.ts", import.meta.url));
