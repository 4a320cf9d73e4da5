/** The installation gets another address while a node lives, which keeps the one of its user data. */
import { env } from "cloudflare:workers";
import { deliveryReply, errorBody } from "@samovar/contracts";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { parse } from "yaml";
import { controlPlane, ids, ORIGIN } from "../test/caller.ts";
import {
  agentOn,
  aHolder,
  aNode,
  anOwner,
  createCommand,
  fireAlarm,
  stopClock,
} from "./nodes/durable-object/node.testing.ts";
import type { Agent } from "./nodes/durable-object/node.testing.ts";
import { scriptedCloud } from "./nodes/durable-object/scripted-cloud.ts";
import type { ScriptedCloud } from "./nodes/durable-object/scripted-cloud.ts";
import { getNodeObject } from "./nodes/durable-object/stub.ts";
import { getProjectData } from "./sessions/durable-object/stub.ts";
import { createWorkspace } from "./workspaces/store.ts";

const MOVED = { PUBLIC_URL: "https://samovar.example", FORMER_PUBLIC_URLS: `https://even.older.test, ${ORIGIN}` };
const before = controlPlane();
const moved = controlPlane(undefined, MOVED);
let cloud: ScriptedCloud;

beforeEach(() => {
  stopClock();
  cloud = scriptedCloud();
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

/** The address and the token that the node's server was created with. */
function readUserData(): { controlPlaneUrl: string; bootstrapToken: string } {
  const [server] = [...cloud.servers.values()];
  const files: { path: string; content: string }[] = parse(server?.userData ?? "", { version: "1.1" }).write_files;
  return JSON.parse(files.find(({ path }) => path.endsWith("agent.json"))?.content ?? "{}");
}

const upgrade = (plane: typeof before, path: string, token: string) =>
  plane.ask(path, { token, headers: { upgrade: "websocket" } });

const greet = async (agent: Agent) => {
  agent.hello();
  return agent.next("welcome");
};

it("a node that was created at the former address keeps its link, its deliveries and its renewals there", async () => {
  const ownerId = await anOwner();
  const lease = await aHolder(ownerId);
  const { projectId, sessionId, taskId, workspaceId } = lease;
  const project = getProjectData({ env }, projectId);
  await project.createSession({
    projectId,
    sessionId,
    taskId,
    firstMessage: { messageId: ids.messageId(), text: "Hi" },
  });
  const nodeId = await aNode(lease, ownerId);
  await createWorkspace(env, { id: workspaceId, ownerId, projectId, sessionId, nodeId, agent: "claude" });
  await fireAlarm(nodeId);
  await project.linkWorkspace(sessionId, workspaceId);
  const { controlPlaneUrl, bootstrapToken } = readUserData();
  const at = (path: string) => new URL(path, controlPlaneUrl).href;
  const link = at(`/api/nodes/${nodeId}/link`);

  const booted = await before.ask(at(`/api/nodes/${nodeId}/bootstrap`), {
    body: { token: bootstrapToken, claim: "a".repeat(32), agentVersion: "1" },
  });
  const { nodeToken } = (await booted.json()) as { nodeToken: string };
  const first = await greet(agentOn(await upgrade(before, link, nodeToken)));

  const agent = agentOn(await upgrade(moved, link, first.nodeToken.token));
  const again = await greet(agent);
  await getNodeObject(env, nodeId).enqueue(createCommand(lease));
  await agent.next("command");
  agent.send({ type: "renew", workspaces: [workspaceId] });
  const renewed = await vi.waitFor(async () => {
    const tokens = await agent.next("tokens");
    expect(tokens.workspaceTokens).toHaveLength(1);
    return tokens;
  });
  for (const token of [again, renewed].map(({ workspaceTokens }) => workspaceTokens[0]?.token ?? "")) {
    const delivered = await moved.ask(at(`/api/workspaces/${workspaceId}/messages`), {
      body: { messages: [{ messageId: ids.messageId(), sessionId, role: "assistant", content: "Hello" }] },
      token,
    });
    expect(deliveryReply.parse(await delivered.json())).toMatchObject({ persisted: 1 });
  }
  const download = await moved.ask(at("/agent/vm-agent.cjs"));
  expect(await download.text()).toContain("vm-agent");
});

it("a former address that is no longer listed is refused", async () => {
  const { ask } = controlPlane(undefined, { PUBLIC_URL: MOVED.PUBLIC_URL });
  expect((await ask(`${ORIGIN}/api/health`)).status).toBe(403);
});

it("[S1] at a former address no cookie counts, and browsers are sent to the pages' address", async () => {
  const { apiToken: token } = await before.setUp();
  const { url } = (await (await moved.ask("/api/identity/links", { body: {}, token })).json()) as { url: string };
  expect(url).toContain(`${MOVED.PUBLIC_URL}/sign-in#`);
  const redeemed = await moved.ask(`${MOVED.PUBLIC_URL}/api/identity/redeem`, {
    body: { token: new URL(url).hash.slice(1) },
    headers: { origin: MOVED.PUBLIC_URL },
  });
  const cookie = redeemed.headers.get("set-cookie")?.split(";", 1)[0] ?? "";
  expect(cookie).toMatch(/^__Host-/);
  expect((await moved.ask(`${MOVED.PUBLIC_URL}/api/me`, { headers: { cookie } })).status).toBe(200);
  const elsewhere = await moved.ask(`${ORIGIN}/api/me`, { headers: { cookie } });
  expect(errorBody.parse(await elsewhere.json()).error.code).toBe("unauthenticated");
  const page = await moved.ask(`${ORIGIN}/projects?x=1`, { headers: { accept: "text/html" } });
  expect([page.status, page.headers.get("location")]).toEqual([302, `${MOVED.PUBLIC_URL}/projects?x=1`]);
});
