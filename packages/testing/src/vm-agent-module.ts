/** The vm-agent's module, for tests that start it as a process: a bundle where the test run made one, else the sources. */
import { fileURLToPath } from "node:url";

export const VM_AGENT_MODULE: string =
  process.env["SAMOVAR_TEST_VM_AGENT"] ?? fileURLToPath(new URL("../../vm-agent/src/main.ts", import.meta.url));
