/** The vm-agent for tests that start it as a process: a bundle and its snapshot where the test run made them, else the sources. */
import { fileURLToPath } from "node:url";

export const VM_AGENT_MODULE: string =
  process.env["SAMOVAR_TEST_VM_AGENT"] ?? fileURLToPath(new URL("../../vm-agent/src/main.ts", import.meta.url));

/** Where daemons find the startup snapshot; null where there is none. */
export const VM_AGENT_SNAPSHOTS: string | null = process.env["SAMOVAR_TEST_SNAPSHOTS"] ?? null;

const snapshot = process.env["SAMOVAR_TEST_SNAPSHOT"];

/** What starts a session host or the script agent, up to the subcommand. */
export const VM_AGENT_ARGS: readonly string[] =
  snapshot === undefined ? [VM_AGENT_MODULE] : ["--snapshot-blob", snapshot];
/** The vm-agent as one file, as a container gets it. Empty outside the unit tests. */
export const VM_AGENT_BUNDLE: string = process.env["SAMOVAR_TEST_BUNDLE"] ?? "";
