/** How this machine's processes are started: at which CPU priority, and how many at the same time. */
export { findProgram } from "./find-program.ts";
export { LOWER_BY, lowerArgv, lowerGroup, lowerStarted } from "./priority.ts";
export { READY_ENVIRONMENT, reportReady, untilReady } from "./ready.ts";
export {
  DELAYED_AFTER_MS,
  noStartGate,
  START_GATE_VARIABLE,
  startGate,
  type StartGate,
  type StartPermit,
} from "./start-gate.ts";
