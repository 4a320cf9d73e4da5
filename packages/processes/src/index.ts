/** This machine's processes: how they are started (priority, turns), recognized later, and how much of a time span they had. */
export {
  getUnifiedDirectory,
  parseControlGroups,
  readKernelFile,
  removeGroup,
  removeStaleGroups,
} from "./control-groups.ts";
export { type CpuGroup, openCpuGroup } from "./cpu-group.ts";
export { findProgram } from "./find-program.ts";
export { LOWER_BY, lowerArgv, lowerGroup, lowerGroupOf, lowerStarted } from "./priority.ts";
export { findByArguments, isAlive, killMarked, markProcess, type ProcessMark } from "./process-mark.ts";
export { processTime } from "./process-time.ts";
export { READY_ENVIRONMENT, reportReady, untilReady } from "./ready.ts";
export {
  DELAYED_AFTER_MS,
  noStartGate,
  START_GATE_VARIABLE,
  startGate,
  type StartGate,
  type StartPermit,
} from "./start-gate.ts";
