/** The vm-agent's module, for tests that start it as a process: a bundle where the test run made one, else the sources. */
import { fileURLToPath } from "node:url";

export const VM_AGENT_MODULE: string =
  process.env["SAMOVAR_TEST_VM_AGENT"] ?? fileURLToPath(new URL("../../vm-agent/src/main.ts", import.meta.url));

/** The vm-agent as one file, as a container gets it. Empty outside the unit tests. */
export const VM_AGENT_BUNDLE: string = process.env["SAMOVAR_TEST_BUNDLE"] ?? "";
