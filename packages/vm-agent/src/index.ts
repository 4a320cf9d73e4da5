/** The vm-agent's public entries; `main.ts` is its command line. */
export type { VmAgentSettings } from "./settings.ts";
export { AGENT_VERSION, readSettings } from "./settings.ts";
export type { SwitchboardOptions } from "./switchboard/switchboard.ts";
export { runSwitchboard } from "./switchboard/switchboard.ts";
