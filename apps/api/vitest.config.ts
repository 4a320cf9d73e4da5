/** The control plane's tests run inside workerd, with the bindings that it has in production. */
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { suite } from "../../vitest.shared.ts";
import { parseWranglerConfig, toMiniflareOptions } from "./src/wrangler-config.ts";
import { TEST_SETTINGS } from "./test/settings.ts";

const config = readFileSync(new URL("./wrangler.jsonc", import.meta.url), "utf8");
const options = toMiniflareOptions(parseWranglerConfig(config));

export default defineConfig({
  root: import.meta.dirname,
  plugins: [
    cloudflareTest({
      main: "./src/worker.ts",
      miniflare: {
        ...options,
        bindings: TEST_SETTINGS,
        assets: { ...options.assets, directory: fileURLToPath(new URL("./test/assets", import.meta.url)) },
      },
    }),
  ],
  test: {
    ...suite,
    name: "api",
    env: {
      SAMOVAR_LONG_TESTS: process.env["SAMOVAR_LONG_TESTS"] ?? "",
      SAMOVAR_SEARCHED_MESSAGES: process.env["SAMOVAR_SEARCHED_MESSAGES"] ?? "3000",
    },
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    setupFiles: ["./test/wait-for.ts", "./test/migrated.ts"],
  },
});
