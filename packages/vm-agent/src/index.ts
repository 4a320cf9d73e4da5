/** The vm-agent's public exports; `main.ts` is its command line. */
export type { VmAgentSettings } from "./settings.ts";
export { AGENT_VERSION, readSettings } from "./settings.ts";
export type { DaemonOptions } from "./daemon/daemon.ts";
export { runDaemon } from "./daemon/daemon.ts";
