/** The commands' calls against a server that writes down what it is asked for. */
import { createServer } from "node:http";
import { idSource, systemClock, systemRandom, systemTimers } from "@samovar/base";
import type { AgentDefinition } from "@samovar/contracts";
import { expect, it } from "vitest";
import { createClient } from "./connect.ts";
import { CliError } from "./errors.ts";
import { SamovarClient } from "./samovar-client.ts";

const ids = idSource(systemClock, systemRandom);
const [prj, tsk, ses, nod, wsp] = [ids.make("prj"), ids.make("tsk"), ids.make("ses"), ids.make("nod"), ids.make("wsp")];
const [tok, sgn] = [ids.make("tok"), ids.make("sgn")];
const TASK = `/api/projects/${prj}/tasks/${tsk}`;
const definition: AgentDefinition = {
  kind: "mine",
  name: "Mine",
  description: "",
  program: { from: "path", command: "mine", args: [] },
  env: {},
  secretEnv: [],
  gateway: null,
};

/** Answers every request with the given value. */
async function startServer(answer: unknown) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(answer));
  });
  const { promise: listening, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await listening;
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  const client = createClient({ url, token: "t" }, { clock: systemClock, timers: systemTimers, random: systemRandom });
  return {
    asked,
    client,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

it.each<[string, (client: SamovarClient) => Promise<unknown>]>([
  ["POST /api/identity/setup", (client) => client.setup()],
  ["POST /api/identity/links", (client) => client.createLink()],
  ["GET /api/me", (client) => client.me()],
  ["GET /api/tokens", (client) => client.apiTokens()],
  ["POST /api/tokens", (client) => client.createApiToken({ name: "x" })],
  [`DELETE /api/tokens/${tok}`, (client) => client.revokeApiToken(tok)],
  ["GET /api/sign-in-sessions", (client) => client.signInSessions()],
  [`DELETE /api/sign-in-sessions/${sgn}`, (client) => client.endSignInSession(sgn)],
  ["POST /api/identity/sign-out-others", (client) => client.signOutOthers()],
  ["GET /api/audit-log?limit=7", (client) => client.auditLog(7)],
  ["GET /api/credentials", (client) => client.credentials()],
  [
    "PUT /api/credentials/agent%3Ascript",
    (client) => client.putCredential({ kind: "agent", agent: "script", env: {} }),
  ],
  ["DELETE /api/credentials/github", (client) => client.removeCredential("github")],
  ["POST /api/credentials/github/validate", (client) => client.checkCredential("github")],
  ["GET /api/agents", (client) => client.agents()],
  ["PUT /api/agents/mine", (client) => client.putAgent(definition)],
  ["DELETE /api/agents/mine", (client) => client.removeAgent("mine")],
  ["GET /api/nodes?limit=200", (client) => client.nodes()],
  [`GET /api/nodes/${nod}`, (client) => client.node(nod)],
  ["GET /api/workspaces?state=ready&limit=200", (client) => client.workspaces("ready")],
  ["GET /api/workspaces?limit=200", (client) => client.workspaces()],
  [`GET /api/workspaces/${wsp}`, (client) => client.workspace(wsp)],
  [`GET /api/workspaces/${wsp}/diff`, (client) => client.readWorkspaceDiff(wsp)],
  [`POST /api/workspaces/${wsp}/extend`, (client) => client.extendWorkspace(wsp, 1)],
  [`POST /api/workspaces/${wsp}/destroy`, (client) => client.destroyWorkspace(wsp)],
  ["GET /api/projects?limit=200", (client) => client.projects()],
  [`GET /api/projects/${prj}/tasks?limit=200`, (client) => client.tasks(prj)],
  [`GET ${TASK}`, (client) => client.task(prj, tsk)],
  [`PATCH ${TASK}`, (client) => client.patchTask(prj, tsk, { priority: 1 })],
  [`POST ${TASK}/cancel`, (client) => client.cancelTask(prj, tsk)],
  [`POST ${TASK}/retry`, (client) => client.retryTask(prj, tsk)],
  [`POST ${TASK}/run`, (client) => client.runTask(prj, tsk)],
  [`GET ${TASK}/bundle`, (client) => client.bundle(prj, tsk)],
  [`GET ${TASK}/events?limit=200`, (client) => client.taskEvents(prj, tsk)],
  [`GET ${TASK}/verification`, (client) => client.verification(prj, tsk)],
  [`GET /api/projects/${prj}/sessions?limit=200`, (client) => client.sessions(prj)],
  [`GET /api/projects/${prj}/sessions/${ses}`, (client) => client.session(prj, ses)],
  ["POST /api/projects", (client) => client.createProject({ name: "x", repoUrl: "https://x.example/y" })],
  [`POST /api/projects/${prj}/tasks`, (client) => client.createTask(prj, { description: "x" })],
  [`POST ${TASK}/acknowledge`, (client) => client.acknowledgeTask(prj, tsk, true)],
  [`POST ${TASK}/unacknowledge`, (client) => client.acknowledgeTask(prj, tsk, false)],
  [`GET /api/projects/${prj}/sessions/${ses}/messages?limit=200`, (client) => client.messages(prj, ses)],
])("calls %s", async (line, work) => {
  await using server = await startServer("not what was asked for");
  await work(server.client).catch((error: unknown) => expect(error).toBeInstanceOf(CliError));
  expect(server.asked).toEqual([line]);
});

it("says of which calls Samovar asks others before it answers", async () => {
  const takesLong: boolean[] = [];
  const client = new SamovarClient(
    { url: "http://unused.example", token: "t" },
    systemRandom,
    async (_request, rules) => {
      takesLong.push(rules.takesLong);
      throw new CliError("Not sent.", null);
    },
  );
  for (const call of [
    () => client.checkCredential("github"),
    () => client.readWorkspaceDiff(wsp),
    () => client.bundle(prj, tsk),
    () => client.me(),
  ])
    await expect(call()).rejects.toThrow("Not sent.");
  expect(takesLong).toEqual([true, true, true, false]);
});
