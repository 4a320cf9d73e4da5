/** An agent's secrets, from a control plane on loopback; only its process gets them. */
import { createServer } from "node:http";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { idSource, silentLogger, systemClock, systemRandom, systemTimers } from "@samovar/base";
import type { HostLaunch } from "@samovar/contracts";
import { NO_LIMITS, OPEN_EGRESS, PROTOCOL_VERSION } from "@samovar/contracts";
import { afterEach, expect, test } from "vitest";
import type { AgentAccessResult } from "./agent-access.ts";
import { openAgentAccess } from "./agent-access.ts";
import { createAgentStart } from "./agent-environment.ts";
import { startAgent } from "./agent-process.ts";
import { createRuntime } from "../runtime/create-runtime.ts";
import { CurrentToken } from "./current-token.ts";
import { SessionSecrets } from "./session-secrets.ts";

const ids = idSource(systemClock, systemRandom);
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function given(agent: Partial<HostLaunch["agent"]>, answers: readonly (readonly [number, object])[]) {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    const [status, body] = answers[Math.min(seen.length, answers.length - 1)] ?? [500, {}];
    seen.push(`${request.url} ${request.headers.authorization}`);
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const home = mkdtempSync(join(tmpdir(), "smv-access-"));
  cleanups.push(
    () => (server.closeAllConnections(), server.close()),
    () => rmSync(home, { recursive: true, force: true }),
  );
  const sessionId = ids.make("ses");
  const launch: HostLaunch = {
    protocol: PROTOCOL_VERSION,
    controlPlaneUrl: `http://127.0.0.1:${address !== null && typeof address === "object" ? address.port : 0}`,
    nodeId: ids.make("nod"),
    epoch: 1,
    workspaceId: ids.make("wsp"),
    projectId: ids.make("prj"),
    sessionId,
    mark: sessionId,
    cwd: home,
    home,
    user: null,
    sandbox: null,
    container: null,
    agent: { kind: "tea", command: ["sh"], env: {}, gateway: null, secretEnv: false, ...agent },
    model: null,
    permissionMode: null,
    egress: OPEN_EGRESS,
    repositoryHost: null,
    limits: NO_LIMITS,
    setupTimeoutMs: 1000,
    prompt: { messageId: ids.messageId(), text: "go" },
    idleTimeoutMs: 1000,
    maxDurationMs: 1000,
  };
  const stopping = new AbortController();
  const tokens = new CurrentToken(() => {});
  const secrets = new SessionSecrets();
  const redact = (text: string) => secrets.redactor.redact(text).text;
  const open = async (): Promise<AgentAccessResult> => {
    const opened = await openAgentAccess({
      launch,
      gateway: null,
      tokens,
      secrets,
      timers: systemTimers,
      random: systemRandom,
      log: silentLogger,
      signal: stopping.signal,
    });
    if (opened.kind === "open") cleanups.push(() => opened.access.close());
    return opened;
  };
  return { launch, seen, tokens, redact, stopping, open };
}

const failure = (opened: AgentAccessResult) =>
  opened.kind === "failed" && opened.result.kind === "unready" ? opened.result.failure : null;

test("waits for the token and requests nothing for an agent without secrets", async () => {
  const { tokens, open, seen } = await given({}, []);
  const opening = open();
  tokens.put("token");
  expect(await opening).toMatchObject({ kind: "open", access: { gateway: null, secretEnv: {} } });
  expect(seen).toEqual([]);
});

test("[S1] passes secret variables to the agent's process, and keeps them out of its stderr tail", async () => {
  const secret = "canary-of-the-kettle";
  const env = { OPEN: "yes" };
  const { launch, tokens, redact, open, seen } = await given({ secretEnv: true, env }, [
    [200, { kind: "env", env: { TEA_TOKEN: secret } }],
  ]);
  tokens.put("token");
  const opened = await open();
  if (opened.kind !== "open") throw new Error("the access was not opened");
  expect(seen).toEqual([`/api/workspaces/${launch.workspaceId}/agent-credential Bearer token`]);

  const script = 'echo "$OPEN $TEA_TOKEN" >&2; yes "$TEA_TOKEN" | head -n 5000 >&2; echo "last $TEA_TOKEN" >&2';
  const runtime = createRuntime({
    places: { checkout: launch.cwd, home: launch.home },
    user: null,
    sandbox: null,
    network: null,
    mark: launch.mark,
    timers: systemTimers,
  });
  const { access } = opened;
  const start = (line: string) => {
    const withLine = { ...launch, agent: { ...launch.agent, command: ["sh", "-c", line] } };
    return startAgent(createAgentStart(withLine, runtime.seen), access, runtime);
  };
  const agent = start(script);
  expect(await agent.exited).toMatchObject({ code: 0 });
  expect(agent.getStderrTail(redact)).toMatch(/(\[redacted\]\n)+last \[redacted\]$/);
  expect(agent.getStderrTail(redact)).not.toMatch(/canary|kettle/);

  const short = start('echo "$OPEN $TEA_TOKEN" >&2');
  await short.exited;
  expect(short.getStderrTail(redact)).toBe("yes [redacted]");
});

test("opens the gateway of a model credential's API, with a generated key", async () => {
  const { tokens, redact, open } = await given({ gateway: "openai" }, [[200, { kind: "openai", apiKey: "real-key" }]]);
  tokens.put("token");
  const opened = await open();
  const key = opened.kind === "open" ? opened.access.gateway?.key : undefined;
  expect(redact(`real-key, ${key}`)).toBe("[redacted], [redacted]");
  expect(opened).toMatchObject({ kind: "open", access: { secretEnv: {} } });
  expect(JSON.stringify(opened)).not.toContain("real-key");
});

test.each([
  [{ gateway: "openai" }, { kind: "anthropic", apiKey: "k" }, /openai API.*anthropic API/],
  [{ gateway: "google" }, { kind: "env", env: {} }, /not a model credential/],
  [{ secretEnv: true }, { kind: "google", apiKey: "k" }, /secret variables/],
] as const)(
  "reports that %o got a credential of another kind, instead of starting",
  async (agent, credential, reason) => {
    const { tokens, open } = await given(agent, [[200, credential]]);
    tokens.put("token");
    expect(failure(await open())).toMatchObject({ code: "credential_unfit", message: expect.stringMatching(reason) });
  },
);

test("reports a refusal as the control plane words it, and retries transient failures", async () => {
  const refusal = { error: { code: "credentials_missing", message: "Add it again.", requestId: "req_1" } };
  const { tokens, open, seen } = await given({ gateway: "openai" }, [
    [503, {}],
    [409, refusal],
  ]);
  tokens.put("token");
  expect(failure(await open())).toEqual({ code: "credentials_missing", message: "Add it again." });
  expect(seen).toHaveLength(2);
});

test("[F46] gives nothing to a session that is stopped before its token comes or during the request", async () => {
  const early = await given({}, []);
  const waiting = early.open();
  early.stopping.abort();
  expect(failure(await waiting)).toMatchObject({ code: "cancelled" });
  const late = await given({ gateway: "openai" }, [[503, {}]]);
  late.tokens.put("token");
  const opening = late.open();
  late.stopping.abort();
  expect(failure(await opening)).toMatchObject({ code: "cancelled" });
});
