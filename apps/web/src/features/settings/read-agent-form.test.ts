import { agentDefinition } from "@samovar/contracts";
import { describe, expect, it } from "vitest";
import { readAgentForm, writeAgentForm } from "./read-agent-form.ts";

const form = (fields: Record<string, string>) => ({ get: (name: string) => fields[name] ?? null });

describe("the form of an agent", () => {
  it("reads a pinned npm package", () => {
    const typed = form({
      kind: "qwen",
      name: "Qwen",
      program: "npm:@qwen-code/qwen-code@0.24.4#qwen",
      args: "--acp\n-v",
    });
    expect(agentDefinition.parse(readAgentForm(typed, null))).toMatchObject({
      kind: "qwen",
      program: {
        from: "npm",
        package: { name: "@qwen-code/qwen-code", version: "0.24.4", bin: "qwen" },
        args: ["--acp", "-v"],
      },
    });
  });

  it("reads a program with its environment and the names of its secrets", () => {
    const typed = form({
      kind: "mine",
      name: "Mine",
      program: "/opt/mine/agent",
      args: "--greeting\ngood morning",
      env: "A=1\nB=x=y and z",
      secretEnv: "KEY, OTHER_KEY",
    });
    expect(agentDefinition.parse(readAgentForm(typed, null))).toMatchObject({
      program: { from: "path", command: "/opt/mine/agent", args: ["--greeting", "good morning"] },
      env: { A: "1", B: "x=y and z" },
      secretEnv: ["KEY", "OTHER_KEY"],
    });
  });

  it("leaves what is wrong for the schema to refuse", () => {
    const isRight = (fields: Record<string, string>) =>
      agentDefinition.safeParse(readAgentForm(form(fields), null)).success;
    expect(isRight({ kind: "claude", name: "C", program: "x" })).toBe(false);
    expect(isRight({ kind: "x", name: "X", program: "" })).toBe(false);
  });

  it("an agent that is opened and saved unchanged is the same agent, with what the form does not show", () => {
    const own = agentDefinition.parse({
      kind: "qwen",
      name: "Qwen",
      description: "Writes.",
      program: {
        from: "npm",
        package: {
          name: "@qwen-code/qwen-code",
          version: "0.24.4",
          bin: "qwen",
          platforms: { "linux-x64": "@qwen-code/linux" },
          versionArgs: ["--version"],
        },
        args: ["--greeting", "good morning"],
      },
      env: { A: "1", B: "x=y" },
      gateway: "openai",
    });
    const shown = form({ name: own.name, description: own.description, ...writeAgentForm(own) });
    expect(agentDefinition.parse(readAgentForm(shown, own))).toEqual(own);
  });
});
