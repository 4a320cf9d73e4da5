/**
 * The agent without a model: an ACP v1 agent on standard input and output that runs the steps written in the
 * prompt. One session's turns run one after the other; cancelling ends them all.
 */
import { stat } from "node:fs/promises";
import { isAbsolute } from "node:path";
import { Readable, Writable } from "node:stream";
import type { AgentContext, ContentBlock, PermissionOption, PromptResponse, RequestPermissionRequest, SessionUpdate } from "@agentclientprotocol/sdk";
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
  const crash = Promise.withResolvers<number>();
  const newId = () => uuid(random);

  const turn = async (prompt: ContentBlock[], cwd: string, sessionId: string, signal: AbortSignal, client: AgentContext) => {
    const send = (update: SessionUpdate) => client.notify(methods.client.session.update, { sessionId, update });
    const speaker = voice(send, newId);
    const script = parseScript(textOf(prompt));
    if (script.kind === "none") {
      await speaker.say(EXPLANATION);
      return ended("end_turn");
    }
    if (script.kind === "malformed") {
      const text = faultText(script.faults);
      await speaker.say(text);
      throw new RequestError(-32602, text);
    }
    const requestPermission = async (toolCallId: string, title: string) => {
      const request: RequestPermissionRequest = { sessionId, toolCall: { toolCallId, title, kind: "execute" }, options: PERMISSION_OPTIONS };
      const answer = await client.request(methods.client.session.requestPermission, request);
      return answer.outcome;
    };
    const end = await runTurn(script.steps, { cwd, voice: speaker, signal, timers, requestPermission });
    return answerOf(end, (reason) => {
      stderr.write(`script-agent: ${reason}\n`);
      crash.resolve(1);
    });
  };

  const app = agent({ name: "samovar-script-agent" })
    .onRequest(methods.agent.initialize, () => ({
      protocolVersion: PROTOCOL_VERSION,
      agentInfo: { name: "samovar-script-agent", title: "Script", version: "0.1.0" },
      agentCapabilities: { loadSession: false, promptCapabilities: {} },
      authMethods: [],
    }))
    .onRequest(methods.agent.session.new, async ({ params }) => {
      await requireDirectory(params.cwd);
      const sessionId = newId();
      sessions.set(sessionId, { cwd: params.cwd, turns: new Set(), last: Promise.resolve() });
      return { sessionId };
    })
    .onRequest(methods.agent.session.prompt, async ({ params, client, signal }) => {
      const session = sessions.get(params.sessionId);
      if (session === undefined) throw RequestError.sessionNotFound(params.sessionId);
      return takeTurn(session, signal, (cancelled) => turn(params.prompt, session.cwd, params.sessionId, cancelled, client));
    })
    .onNotification(methods.agent.session.cancel, ({ params }) => {
      for (const running of sessions.get(params.sessionId)?.turns ?? []) running.abort();
    });

  const connection = app.connect(ndJsonStream(Writable.toWeb(stdout), Readable.toWeb(stdin)));
  options.signal?.addEventListener("abort", () => connection.close(), { once: true });
  const code = await Promise.race([crash.promise, connection.closed.then(() => 0)]);
  if (code !== 0) return code;
  for (const session of sessions.values()) for (const running of session.turns) running.abort();
  await Promise.all([...sessions.values()].map((session) => session.last));
  return 0;
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
  const result = session.last.then(() => (controller.signal.aborted ? ended("cancelled") : turn(controller.signal)));
  session.last = result.catch(() => undefined);
  try {
    return await result;
  } finally {
    session.turns.delete(controller);
    requestSignal.removeEventListener("abort", onRequestCancelled);
  }
}

function answerOf(end: TurnEnd, crash: (reason: string) => void): PromptResponse | Promise<PromptResponse> {
  switch (end.kind) {
    case "ended":
      return ended("end_turn");
    case "cancelled":
      return ended("cancelled");
    case "failed":
      throw new RequestError(-32603, end.reason);
    case "crashed":
      crash(end.reason);
      return new Promise(() => {});
    default:
      return assertNever(end);
  }
}

const PERMISSION_OPTIONS: PermissionOption[] = [
  { optionId: "allow", name: "Allow", kind: "allow_once" },
  { optionId: "reject", name: "Reject", kind: "reject_once" },
];

function ended(stopReason: PromptResponse["stopReason"]): PromptResponse {
  return { stopReason };
}

function textOf(prompt: readonly ContentBlock[]): string {
  return prompt.map((block) => (block.type === "text" ? block.text : "")).join("\n");
}

async function requireDirectory(cwd: string): Promise<void> {
  if (!isAbsolute(cwd)) throw new RequestError(-32602, "cwd must be an absolute path");
  const found = await stat(cwd).catch(() => null);
  if (found === null || !found.isDirectory()) throw new RequestError(-32602, `there is no directory ${cwd}`);
}
