/** The control plane's tests run inside workerd, with the bindings that it has in production. */
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { suite } from "../../vitest.shared.ts";
import { TEST_SETTINGS } from "./test/settings.ts";

export default defineConfig({
  root: import.meta.dirname,
  plugins: [
    cloudflareTest({
      main: "./src/worker.ts",
      miniflare: {
        compatibilityDate: "2026-10-01",
        compatibilityFlags: ["nodejs_compat"],
        bindings: TEST_SETTINGS,
        d1Databases: { DB: "samovar" },
        durableObjects: {
          PROJECT_DATA: { className: "ProjectData", useSQLite: true },
          NODE_LIFECYCLE: { className: "NodeLifecycle", useSQLite: true },
        },
        workflows: { TASK_RUN: { name: "task-run", className: "TaskRun" } },
        assets: {
          directory: fileURLToPath(new URL("./test/assets", import.meta.url)),
          binding: "ASSETS",
          routerConfig: { has_user_worker: true, invoke_user_worker_ahead_of_assets: true },
          assetConfig: { not_found_handling: "single-page-application" },
        },
      },
    }),
  ],
  test: {
    ...suite,
    name: "api",
    env: { SAMOVAR_LONG_TESTS: process.env["SAMOVAR_LONG_TESTS"] ?? "" },
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    setupFiles: ["./test/wait-for.ts", "./test/migrated.ts"],
  },
});
