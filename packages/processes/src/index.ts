/** How this machine's processes are started: at which CPU priority, and how many at the same time. */
export { findProgram } from "./find-program.ts";
export { LOWER_BY, lowerArgv, lowerGroup, lowerStarted } from "./priority.ts";
export { noStartGate, START_GATE_VARIABLE, startGate, type StartGate, type StartPermit } from "./start-gate.ts";
