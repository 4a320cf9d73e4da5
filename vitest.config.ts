/** All suites: `node` (packages, CLI), `api` (inside workerd), `web`. Journeys and recovery have their own file. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      { test: { name: "node", include: ["packages/*/src/**/*.test.ts", "packages/*/test/**/*.test.ts", "apps/cli/src/**/*.test.ts"] } },
      "apps/api/vitest.config.ts",
      "apps/web/vitest.config.ts",
    ],
  },
});
