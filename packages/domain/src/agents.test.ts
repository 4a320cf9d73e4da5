import { agentRecipe, BUILT_IN_AGENTS, modelApi } from "@samovar/contracts";
import { expect, test } from "vitest";
import { AGENTS, findBuiltInAgent } from "./agents.ts";

const PLACES = /^\{(gateway\.url|gateway\.key|home|checkout|model)\}$/;

test.each(BUILT_IN_AGENTS)(
  "[R15] %s is a whole row: a recipe that travels, a pinned program, a credential that fits",
  (kind) => {
    const { recipe, credential, hint, description } = AGENTS[kind];
    expect(agentRecipe.parse(JSON.parse(JSON.stringify(recipe)))).toEqual(recipe);
    expect(recipe.kind).toBe(kind);
    expect(description).not.toBe("");
    expect(recipe.secretEnv).toBe(false);
    // Who needs a key reaches its model through the gateway alone, and says how to get the key.
    expect(recipe.gateway).toBe(modelApi.nullable().parse(credential));
    expect(hint === "").toBe(credential === null);
    // A node sees after installing it whether it runs.
    if (recipe.program.from === "npm") expect(recipe.program.package.versionArgs).toEqual(["--version"]);
    const values = Object.values(recipe.env).join("\n");
    expect(values.includes("{gateway.url}") && values.includes("{gateway.key}")).toBe(recipe.gateway !== null);
    const places = values.match(/\{[a-z]+(\.[a-z]+)?\}/g) ?? [];
    expect(places.filter((place) => !PLACES.test(place))).toEqual([]);
  },
);

test("no other agent is built in", () => {
  expect(Object.keys(AGENTS).toSorted()).toEqual(BUILT_IN_AGENTS.toSorted());
  expect(findBuiltInAgent("opencode")).toBe(AGENTS.opencode);
  expect([findBuiltInAgent("toString"), findBuiltInAgent("tea")]).toEqual([null, null]);
});
