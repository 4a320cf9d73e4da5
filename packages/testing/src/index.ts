/** What tests stand on: doubles at the network's edge, time that is moved by hand, builders. For tests only. */
export * from "./builders.ts";
export * from "./core-share.ts";
export * from "./fault-proxy.ts";
export * from "./omission.ts";
export type { ScriptedToolUse, ScriptedTurn } from "./messages-script.ts";
export * from "./wait-for.ts";
export * from "./scripted-gemini-api.ts";
export * from "./scripted-messages-api.ts";
export type { ScriptedModel, ScriptedModelOptions } from "./scripted-model.ts";
export * from "./scripted-openai-api.ts";
export * from "./series.ts";
export * from "./test-time.ts";
export * from "./vm-agent-module.ts";
