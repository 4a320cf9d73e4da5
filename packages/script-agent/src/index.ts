/** An ACP agent without a model: it runs the steps that are written in the prompt. */
export type { ScriptAgentOptions } from "./agent.ts";
export { runScriptAgent } from "./agent.ts";
export { EXPLANATION } from "./explain.ts";
export { fillerText } from "./filler.ts";
export { parseScript } from "./parse.ts";
export type { Script, ScriptFault, Step } from "./step.ts";
export { SCRIPT_LIMITS } from "./step.ts";
