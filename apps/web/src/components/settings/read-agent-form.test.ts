import { agentDefinition } from "@samovar/contracts";
import { describe, expect, it } from "vitest";
import { readAgentForm } from "./read-agent-form.ts";

const form = (fields: Record<string, string>) => ({ get: (name: string) => fields[name] ?? null });

describe("the form of an agent", () => {
  it("reads a pinned npm package", () => {
    const typed = form({
      kind: "qwen",
      name: "Qwen",
      program: "npm:@qwen-code/qwen-code@0.24.4#qwen",
      args: "--acp -v",
    });
    expect(agentDefinition.parse(readAgentForm(typed))).toMatchObject({
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
      env: "A=1 B=x=y",
      secretEnv: "KEY, OTHER_KEY",
    });
    expect(agentDefinition.parse(readAgentForm(typed))).toMatchObject({
      program: { from: "path", command: "/opt/mine/agent", args: [] },
      env: { A: "1", B: "x=y" },
      secretEnv: ["KEY", "OTHER_KEY"],
    });
  });

  it("leaves what is wrong for the schema to refuse", () => {
    expect(agentDefinition.safeParse(readAgentForm(form({ kind: "claude", name: "C", program: "x" }))).success).toBe(
      false,
    );
    expect(agentDefinition.safeParse(readAgentForm(form({ kind: "x", name: "X", program: "" }))).success).toBe(false);
  });
});
