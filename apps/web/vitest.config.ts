/** Unit tests of the page's own logic, in Node. What needs a browser is proven by the journeys. */
import { defineConfig } from "vitest/config";
import { SETUP, suite } from "../../vitest.shared.ts";

export default defineConfig({
  root: import.meta.dirname,
  test: {
    ...suite,
    name: "web",
    environment: "node",
    include: ["src/**/*.test.ts", "src/**/*.test.tsx"],
    setupFiles: [SETUP],
  },
});
