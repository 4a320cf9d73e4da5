/** Unit tests of the page's own logic, in Node. What needs a browser is proven by the journeys. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  root: import.meta.dirname,
  test: {
    name: "web",
    environment: "node",
    include: ["src/**/*.test.ts", "src/**/*.test.tsx"],
    setupFiles: ["../../vitest.patience.ts"],
    testTimeout: 180_000,
  },
});
