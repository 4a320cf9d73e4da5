/** The suites of the parts: `node` (packages and CLI), `api` (inside workerd), `web`. The whole has tests/vitest.config.ts. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "node",
          setupFiles: ["vitest.patience.ts", "scripts/process-coverage.ts"],
          expect: { poll: { timeout: 120_000 } },
          testTimeout: 180_000,
          hookTimeout: 90_000,
          include: ["packages/*/src/**/*.test.ts", "apps/cli/src/**/*.test.ts"],
        },
      },
      "apps/api/vitest.config.ts",
      "apps/web/vitest.config.ts",
    ],
    coverage: {
      provider: "istanbul",
      include: ["packages/*/src/**/*.ts", "apps/api/src/**/*.ts", "apps/web/src/data/**/*.ts"],
      exclude: ["**/*.test.ts", "**/*.testing.ts", "**/main.ts", "packages/testing/**"],
      // The limits are checked by scripts/coverage.ts, which knows what started processes ran as well.
      reporter: ["json", "html"],
      reportOnFailure: true,
    },
  },
});
