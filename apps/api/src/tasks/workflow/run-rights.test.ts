/** What a project grants its agents, on its way to the node [R49] [R50]. */
import type { UserId } from "@samovar/base";
import type { EgressPolicy } from "@samovar/contracts";
import { AGENTS, withRepositorySettings } from "@samovar/domain/agents";
import { eq } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { projects } from "../../database/schema.ts";
import { aHolder, anOwner } from "../../nodes/durable-object/node.testing.ts";
import { scriptedCloud } from "../../nodes/durable-object/scripted-cloud.ts";
import { db, ScriptedNode, submit } from "./scripted-node.testing.ts";

let owner: UserId;
beforeEach(async () => {
  scriptedCloud();
  owner = await anOwner();
});
afterEach(() => vi.unstubAllGlobals());

const change = (id: Awaited<ReturnType<typeof aHolder>>["projectId"], values: Partial<typeof projects.$inferSelect>) =>
  db.update(projects).set(values).where(eq(projects.id, id));

describe("a run", () => {
  it("[R49] [R50] is open and ignores the repository's settings by default", async () => {
    const { projectId } = await aHolder(owner);
    await submit(owner, "Boil", projectId);
    const { create, start } = await (await ScriptedNode.of(owner)).begins();
    expect(start.egress).toEqual({ mode: "open", hosts: [] });
    expect(start.agent).toEqual(AGENTS.script.recipe);
    expect(create.agent).toEqual(start.agent);
  });

  it("[R50] sends the project's egress policy as it is when the session starts", async () => {
    const { projectId } = await aHolder(owner);
    await submit(owner, "Boil", projectId);
    const node = await ScriptedNode.of(owner);
    const create = await node.expects("workspace.create");
    const egress: EgressPolicy = { mode: "allow-list", hosts: ["late.example"] };
    await change(projectId, { egress });
    const { workspaceId } = create.args;
    node.report({ kind: "workspace.ready", workspaceId, branch: "task/x", baseCommit: "0".repeat(40) });
    expect((await node.expects("session.start")).args.egress).toEqual(egress);
  });

  it("[R49] sends the recipe for the repository's settings to the workspace and the session alike", async () => {
    const { projectId } = await aHolder(owner);
    await change(projectId, { repositorySettings: "used" });
    await submit(owner, "Boil", projectId);
    const { create, start } = await (await ScriptedNode.of(owner)).begins();
    expect(start.agent).toEqual(withRepositorySettings(AGENTS.script.recipe));
    expect(create.agent).toEqual(start.agent);
  });
});
