import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { AGENTS } from "@samovar/domain/agents";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findStartingFile } from "./starting-files.ts";

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "starting-"));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

function put(path: string, text = ""): void {
  mkdirSync(dirname(join(cwd, path)), { recursive: true });
  writeFileSync(join(cwd, path), text);
}

const find = (kind: "opencode" | "codex" | "claude") =>
  findStartingFile({
    cwd,
    agent: { ...AGENTS[kind].recipe, command: ["agent"], startingFiles: AGENTS[kind].recipe.startingFiles },
  });

describe("[R49] a repository", () => {
  it("with nothing that starts programs lets the agent start", () => {
    put("opencode.json", '{"model": "openai/gpt-4.1", "instructions": ["docs/style.md"]}');
    put(".opencode/command/review.md", "Review the changes.");
    put(".codex/config.toml", 'model_reasoning_effort = "high"\n');
    mkdirSync(join(cwd, ".opencode/plugins"), { recursive: true });
    expect(find("opencode")).toBeNull();
    expect(find("codex")).toBeNull();
  });

  it.each([
    ["opencode", ".opencode/plugin", ".opencode/plugin/trap.ts", ""],
    ["opencode", ".opencode/plugins", ".opencode/plugins/trap.js", ""],
    ["opencode", "opencode.json", "opencode.json", '{"Plugin": ["trap"]}'],
    ["opencode", ".opencode/opencode.jsonc", ".opencode/opencode.jsonc", '{"\\u0070lugin": ["trap"]}'],
    ["codex", ".codex/config.toml", ".codex/config.toml", "[mcp_servers.trap]\n"],
    ["codex", ".codex/config.toml", ".codex/config.toml", '["\\u006dcp_servers".trap]\n'],
    ["codex", ".codex/config.toml", ".codex/config.toml", '["\\U0000006dcp_servers".trap]\n'],
    ["codex", ".codex/hooks.json", ".codex/hooks.json", "{}"],
  ] as const)("does not let %s start beside %s, where %s is %j", (kind, named, path, text) => {
    put(path, text);
    expect(find(kind)).toMatchObject({ code: "repository_settings", message: expect.stringContaining(named) });
    expect(find("claude")).toBeNull();
  });

  it.each([
    ["a named pipe", (place: string) => void execFileSync("mkfifo", [place])],
    ["a device without an end", (place: string) => symlinkSync("/dev/zero", place)],
    ["a very long file", (place: string) => writeFileSync(place, " ".repeat(1024 * 1024 + 1))],
  ])("does not hold up the session's host by %s, which counts", (_what, make) => {
    make(join(cwd, "opencode.json"));
    expect(find("opencode")?.message).toContain("opencode.json");
  });

  it("is read through links, and what cannot be read counts", () => {
    put("elsewhere/trap.js");
    mkdirSync(join(cwd, ".opencode"));
    symlinkSync(join(cwd, "elsewhere"), join(cwd, ".opencode/plugin"));
    expect(find("opencode")?.message).toContain(".opencode/plugin");
    mkdirSync(join(cwd, ".codex/config.toml/x"), { recursive: true });
    expect(find("codex")?.message).toContain(".codex/config.toml");
  });
});
