/** A custom agent, from its definition to the node's command. */
import { env, introspectWorkflow } from "cloudflare:test";
import type { UserId } from "@samovar/base";
import { agentDefinition } from "@samovar/contracts";
import { eq } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { actorOf } from "../../../test/caller.ts";
import { deleteDefinition, putDefinition } from "../../agents/store.ts";
import { projects } from "../../database/schema.ts";
import { aHolder, anOwner } from "../../nodes/durable-object/node.testing.ts";
import { scriptedCloud } from "../../nodes/durable-object/scripted-cloud.ts";
import { db, deps, ScriptedNode, reaches, toSession, soon, submit, getWorkspace } from "./scripted-node.testing.ts";
import { openRun } from "./run-job.ts";

const GOOSE = agentDefinition.parse({
  kind: "goose",
  name: "Goose",
  program: { from: "path", command: "goose", args: ["acp"] },
  env: { GOOSE_HOME: "{home}" },
});
let owner: UserId;

beforeEach(async () => {
  scriptedCloud();
  owner = await anOwner();
  await putDefinition(deps, actorOf(owner), GOOSE);
});
afterEach(() => vi.unstubAllGlobals());

async function submitWithGoose() {
  const { projectId } = await aHolder(owner);
  await db.update(projects).set({ defaultAgent: "goose" }).where(eq(projects.id, projectId));
  return { task: await submit(owner, "Honk", projectId), projectId };
}

/** Runs stop at their first step. */
async function heldBack<T>(submits: () => Promise<T>): Promise<T> {
  await using runs = await introspectWorkflow(env.TASK_RUN);
  await runs.modifyAll((run) => run.mockStepResult({ name: "open" }, "null"));
  return submits();
}

describe("a task with a custom agent", () => {
  it("sends the node the complete recipe; the workspace's row has the agent whose credential it may request", async () => {
    const { task } = await submitWithGoose();
    const machine = await ScriptedNode.of(owner);
    const { start } = await machine.begins();
    const { kind, name, program, env: variables } = GOOSE;
    expect(start.agent).toEqual({
      kind,
      name,
      program,
      env: variables,
      gateway: null,
      secretEnv: false,
      startsEarly: false,
      homeFiles: {},
    });
    expect(await getWorkspace(task)).toMatchObject({ agent: "goose" });
  });

  it("[T1] fails with that reason when the agent was deleted before the run began", async () => {
    const { task, projectId } = await heldBack(submitWithGoose);
    await db.update(projects).set({ defaultAgent: null }).where(eq(projects.id, projectId));
    await deleteDefinition(deps, actorOf(owner), "goose");
    await db.update(projects).set({ defaultAgent: "goose" }).where(eq(projects.id, projectId));
    const runId = deps.ids.make("run");
    await env.DB.prepare("UPDATE tasks SET run_id = ? WHERE id = ?").bind(runId, task.id).run();
    await env.TASK_RUN.create({ id: runId, params: { taskId: task.id, runId } });
    const failed = await reaches(task, "failed");
    expect(failed.failure).toMatchObject({ code: "agent_not_configured", message: expect.stringContaining("goose") });
    await vi.waitFor(async () => expect(await toSession(task)).toMatchObject({ status: "error" }), soon);
    expect(await openRun(deps, { taskId: task.id, runId })).toBeNull();
  });
});
