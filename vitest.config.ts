/** The suites of the parts: `node` (packages and CLI), `api` (inside workerd), `web`. The whole has tests/vitest.config.ts. */
import { defineConfig } from "vitest/config";
import { SETUP, suite } from "./vitest.shared.ts";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...suite,
          name: "node",
          setupFiles: [SETUP, "scripts/process-coverage.ts"],
          include: ["packages/*/src/**/*.test.ts", "apps/cli/src/**/*.test.ts"],
        },
      },
      "apps/api/vitest.config.ts",
      "apps/web/vitest.config.ts",
    ],
    coverage: {
      provider: "istanbul",
      include: [
        "packages/*/src/**/*.ts",
        "apps/api/src/**/*.ts",
        "apps/web/src/{api,lib}/**/*.ts",
        // What a browser keeps for a person; the components around it are covered by the journeys.
        "apps/web/src/features/*/{board-search,last-places,read-marks,session-search,submissions}.ts",
      ],
      exclude: ["**/*.test.ts", "**/*.testing.ts", "**/main.ts", "packages/testing/**"],
      // The limits are checked by scripts/coverage.ts, which knows what started processes ran as well.
      reporter: ["json", "html"],
      reportOnFailure: true,
    },
  },
});
