import { agentRecipe, BUILT_IN_AGENTS } from "@samovar/contracts";
import { describe, expect, it } from "vitest";
import { AGENTS, withRepositorySettings } from "./agents.ts";
import { createSessionMeta } from "./turn-activity.ts";

describe("[R49] agents that use the repository's settings", () => {
  it.each(BUILT_IN_AGENTS)("%s has another recipe, with the same program and the same way to its model", (kind) => {
    const { recipe } = AGENTS[kind];
    const used = withRepositorySettings(recipe);
    expect(agentRecipe.parse(JSON.parse(JSON.stringify(used)))).toEqual(used);
    expect(used).toMatchObject({ program: recipe.program, gateway: recipe.gateway, startingFiles: [] });
    expect(used.repositorySettings).toBe("used");
    // A node distinguishes standby hosts by their recipe.
    expect(JSON.stringify(used)).not.toBe(JSON.stringify(recipe));
    const addresses = Object.entries(recipe.env).filter(([, value]) => value.includes("{gateway."));
    expect(used.env).toMatchObject(Object.fromEntries(addresses));
  });

  it("are a person's own agents, too, by the flag alone", () => {
    const own = { ...AGENTS.script.recipe, kind: "goose", env: { GOOSE_HOME: "{home}" } };
    expect(withRepositorySettings(own)).toEqual({ ...own, repositorySettings: "used", startingFiles: [] });
  });

  it("get Claude Code's project settings and MCP servers, which others do not", () => {
    const options = (...settings: Parameters<typeof createSessionMeta>) =>
      createSessionMeta(...settings).claudeCode.options;
    expect(options("used")).toMatchObject({ settingSources: ["user", "project"], strictMcpConfig: false });
    for (const ignored of [undefined, "ignored"] as const)
      expect(options(ignored)).toMatchObject({ settingSources: ["user"], strictMcpConfig: true });
  });
});
