/** The suites of the parts: `node` (packages and CLI), `api` (inside workerd), `web`. The whole has tests/vitest.config.ts. */
import { defineConfig } from "vitest/config";

/** R40: over 90 % where messages, nodes and tasks are kept, over 80 % overall. */
const critical = { lines: 90, statements: 90 };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "node",
          include: ["packages/*/src/**/*.test.ts", "packages/*/test/**/*.test.ts", "apps/cli/src/**/*.test.ts"],
        },
      },
      "apps/api/vitest.config.ts",
      "apps/web/vitest.config.ts",
    ],
    coverage: {
      provider: "istanbul",
      include: ["packages/*/src/**/*.ts", "apps/api/src/**/*.ts", "apps/web/src/data/**/*.ts"],
      exclude: ["**/*.test.ts", "**/main.ts", "packages/testing/**"],
      reporter: ["text-summary", "json-summary", "html"],
      thresholds: {
        lines: 80,
        statements: 80,
        "packages/domain/src/**": critical,
        "packages/outbox/src/**": critical,
        "apps/api/src/objects/**": critical,
        "apps/api/src/workflows/**": critical,
      },
    },
  },
});
