/** The unit suites: `node` (packages and CLI), `api` (inside workerd), `web`. For the whole stack see tests/vitest.config.ts. */
import { defineConfig } from "vitest/config";
import { SETUP, suite } from "./vitest.shared.ts";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...suite,
          name: "node",
          globalSetup: "scripts/vm-agent-for-tests.ts",
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
        // What a browser stores for a person. The journeys cover the components around it.
        "apps/web/src/features/*/{board-search,last-places,read-marks,session-search,submissions}.ts",
      ],
      exclude: ["**/*.test.ts", "**/*.testing.ts", "**/main.ts", "packages/testing/**"],
      // scripts/coverage.ts checks the limits, because it also counts what started processes ran.
      reporter: ["json", "html"],
      reportOnFailure: true,
    },
  },
});
