/**
 * The agent without a model: an ACP v1 agent on standard input and output that runs the steps written in the
 * prompt. One session's turns run one after the other; cancelling ends them all.
 */
import { stat } from "node:fs/promises";
import { isAbsolute } from "node:path";
import { Readable, Writable } from "node:stream";
import type {
  AgentApp,
  AgentContext,
  ContentBlock,
  PermissionOption,
  PromptResponse,
  RequestPermissionRequest,
  ToolCallUpdate,
} from "@agentclientprotocol/sdk";
import { PROTOCOL_VERSION, RequestError, agent, methods, ndJsonStream } from "@agentclientprotocol/sdk";
import type { Random, Timers } from "@samovar/base";
import { assertNever, systemRandom, systemTimers, uuid } from "@samovar/base";
import { EXPLANATION, faultText } from "./explain.ts";
import { parseScript } from "./parse.ts";
import type { TurnEnd } from "./turn.ts";
import { runTurn } from "./turn.ts";
import { voice } from "./voice.ts";

export interface ScriptAgentOptions {
  readonly stdin?: Readable;
  /** Carries the protocol and nothing else. */
  readonly stdout?: Writable;
  readonly stderr?: Writable;
  readonly timers?: Timers;
  readonly random?: Random;
  /** Ends the agent as the end of its input would. */
  readonly signal?: AbortSignal;
}

interface Session {
  readonly id: string;
  readonly cwd: string;
  /** One for each turn that is asked for and not over. */
  readonly turns: Set<AbortController>;
  /** Settles when the turns so far are over. */
  last: Promise<unknown>;
}

/**
 * Serves until its input ends, then stops what runs and resolves with the exit code: 0, or 1 when a script asked
 * for a crash; then the process should end at once.
 */
export async function runScriptAgent(options: ScriptAgentOptions = {}): Promise<number> {
  const { stdin = process.stdin, stdout = process.stdout, stderr = process.stderr } = options;
  const { timers = systemTimers, random = systemRandom } = options;
  const sessions = new Map<string, Session>();
  const crashed = Promise.withResolvers<number>();
  const crash = (reason: string) => {
    stderr.write(`script-agent: ${reason}\n`);
    crashed.resolve(1);
  };
  const app = scriptAgent({ sessions, timers, newId: () => uuid(random), crash });
  const connection = app.connect(ndJsonStream(Writable.toWeb(stdout), Readable.toWeb(stdin)));
  options.signal?.addEventListener("abort", () => connection.close(), { once: true });
  const code = await Promise.race([crashed.promise, connection.closed.then(() => 0)]);
  if (code !== 0) return code;
  for (const session of sessions.values()) for (const running of session.turns) running.abort();
  await Promise.all([...sessions.values()].map((session) => session.last));
  return 0;
}

interface Deps {
  readonly sessions: Map<string, Session>;
  readonly timers: Timers;
  readonly newId: () => string;
  readonly crash: (reason: string) => void;
}

function scriptAgent(deps: Deps): AgentApp {
  const { sessions, newId } = deps;
  return agent({ name: "samovar-script-agent" })
    .onRequest(methods.agent.initialize, () => ({
      protocolVersion: PROTOCOL_VERSION,
      agentInfo: { name: "samovar-script-agent", title: "Script", version: "0.1.0" },
      agentCapabilities: { loadSession: false, promptCapabilities: {} },
      authMethods: [],
    }))
    .onRequest(methods.agent.session.new, async ({ params }) => {
      await requireDirectory(params.cwd);
      const id = newId();
      sessions.set(id, { id, cwd: params.cwd, turns: new Set(), last: Promise.resolve() });
      return { sessionId: id };
    })
    .onRequest(methods.agent.session.prompt, async ({ params, client, signal }) => {
      const session = sessions.get(params.sessionId);
      if (session === undefined) throw RequestError.sessionNotFound(params.sessionId);
      return takeTurn(session, signal, (cancelled) => answer(params.prompt, session, cancelled, client, deps));
    })
    .onNotification(methods.agent.session.cancel, ({ params }) => {
      for (const running of sessions.get(params.sessionId)?.turns ?? []) running.abort();
    });
}

async function answer(
  prompt: readonly ContentBlock[],
  { id: sessionId, cwd }: Session,
  signal: AbortSignal,
  client: AgentContext,
  { timers, newId, crash }: Deps,
): Promise<PromptResponse> {
  const speaker = voice((update) => client.notify(methods.client.session.update, { sessionId, update }), newId);
  const script = parseScript(textOf(prompt));
  if (script.kind === "none") {
    await speaker.say(EXPLANATION);
    return { stopReason: "end_turn" };
  }
  if (script.kind === "malformed") {
    const text = faultText(script.faults);
    await speaker.say(text);
    throw new RequestError(-32602, text);
  }
  const requestPermission = async (toolCallId: string, title: string) => {
    const toolCall: ToolCallUpdate = { toolCallId, title, kind: "execute" };
    const request: RequestPermissionRequest = { sessionId, toolCall, options: PERMISSION_OPTIONS };
    return (await client.request(methods.client.session.requestPermission, request)).outcome;
  };
  return responseOf(await runTurn(script.steps, { cwd, voice: speaker, signal, timers, requestPermission }), crash);
}

/** Runs `turn` after the session's earlier ones, unless it is cancelled before its time comes. */
async function takeTurn(
  session: Session,
  requestSignal: AbortSignal,
  turn: (signal: AbortSignal) => Promise<PromptResponse>,
): Promise<PromptResponse> {
  const controller = new AbortController();
  const onRequestCancelled = () => controller.abort();
  requestSignal.addEventListener("abort", onRequestCancelled, { once: true });
  session.turns.add(controller);
  const result = session.last.then(() => (controller.signal.aborted ? CANCELLED : turn(controller.signal)));
  session.last = result.catch(() => undefined);
  try {
    return await result;
  } finally {
    session.turns.delete(controller);
    requestSignal.removeEventListener("abort", onRequestCancelled);
  }
}

function responseOf(end: TurnEnd, crash: Deps["crash"]): PromptResponse | Promise<PromptResponse> {
  switch (end.kind) {
    case "ended":
      return { stopReason: "end_turn" };
    case "cancelled":
      return { stopReason: "cancelled" };
    case "failed":
      throw new RequestError(-32603, end.reason);
    case "crashed":
      crash(end.reason);
      return new Promise(() => {});
    default:
      return assertNever(end);
  }
}

const CANCELLED: PromptResponse = { stopReason: "cancelled" };

const PERMISSION_OPTIONS: PermissionOption[] = [
  { optionId: "allow", name: "Allow", kind: "allow_once" },
  { optionId: "reject", name: "Reject", kind: "reject_once" },
];

function textOf(prompt: readonly ContentBlock[]): string {
  return prompt.map((block) => (block.type === "text" ? block.text : "")).join("\n");
}

async function requireDirectory(cwd: string): Promise<void> {
  if (!isAbsolute(cwd)) throw new RequestError(-32602, "cwd must be an absolute path");
  const found = await stat(cwd).catch(() => null);
  if (found === null || !found.isDirectory()) throw new RequestError(-32602, `there is no directory ${cwd}`);
}
