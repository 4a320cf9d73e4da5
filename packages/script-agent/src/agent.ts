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
  SessionModeState,
  ToolCallUpdate,
} from "@agentclientprotocol/sdk";
import { PROTOCOL_VERSION, RequestError, agent, methods, ndJsonStream } from "@agentclientprotocol/sdk";
import type { Random, Timers } from "@samovar/base";
import { assertNever, systemRandom, systemTimers, uuid } from "@samovar/base";
import { EXPLANATION, faultText } from "./explain.ts";
import type { Memory, Progress } from "./memory.ts";
import { memoryIn } from "./memory.ts";
import { parseScript } from "./parse.ts";
import type { TurnEnd } from "./turn.ts";
import type { Background } from "./tools.ts";
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
  /** Where it remembers scripts that are under way; null: nowhere. Default: `HOME`. */
  readonly home?: string | null;
  /** What it lets a client do after its death; the variable `SCRIPT_AGENT_RECALL` says the same. Default: `resume`. */
  readonly recall?: string;
}

interface Session {
  readonly id: string;
  readonly cwd: string;
  /** `ask`: before each command. */
  mode: string;
  /** A script that an earlier process of this agent left unfinished. */
  left: Progress | null;
  background: Background & { readonly stop: AbortController };
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
  const { home = process.env["HOME"] ?? null, recall = process.env["SCRIPT_AGENT_RECALL"] } = options;
  const sessions = new Map<string, Session>();
  const crashed = Promise.withResolvers<number>();
  const crash = (reason: string) => {
    stderr.write(`script-agent: ${reason}\n`);
    crashed.resolve(1);
  };
  const memory = memoryIn(home, recall);
  const app = scriptAgent({ sessions, timers, memory, newId: () => uuid(random), crash });
  const connection = app.connect(ndJsonStream(Writable.toWeb(stdout), Readable.toWeb(stdin)));
  options.signal?.addEventListener("abort", () => connection.close(), { once: true });
  const code = await Promise.race([crashed.promise, connection.closed.then(() => 0)]);
  if (code !== 0) return code;
  memory.freeze();
  for (const session of sessions.values()) stop(session);
  await Promise.all([...sessions.values()].flatMap((session) => [session.last, ...session.background.running]));
  return 0;
}

interface Deps {
  readonly sessions: Map<string, Session>;
  readonly timers: Timers;
  readonly memory: Memory;
  readonly newId: () => string;
  readonly crash: (reason: string) => void;
}

function scriptAgent(deps: Deps): AgentApp {
  const { sessions, newId, memory } = deps;
  const open = async (id: string, cwd: string, left: Progress | null) => {
    await requireDirectory(cwd);
    sessions.set(id, newSession(id, cwd, left));
    return { modes: MODES };
  };
  const recalled = (id: string) => {
    const found = memory.recallSession(id);
    if (found === null) throw RequestError.sessionNotFound(id);
    return found;
  };
  const known = (id: string) => {
    const session = sessions.get(id);
    if (session === undefined) throw RequestError.sessionNotFound(id);
    return session;
  };
  return agent({ name: "samovar-script-agent" })
    .onRequest(methods.agent.initialize, () => ({
      protocolVersion: PROTOCOL_VERSION,
      agentInfo: { name: "samovar-script-agent", title: "Script", version: "0.1.0" },
      agentCapabilities: {
        loadSession: memory.recall === "load",
        promptCapabilities: {},
        sessionCapabilities: memory.recall === "resume" ? { resume: {} } : {},
      },
      authMethods: [],
    }))
    .onRequest(methods.agent.session.new, async ({ params }) => {
      const id = newId();
      return { sessionId: id, ...(await open(id, params.cwd, null)) };
    })
    .onRequest(methods.agent.session.resume, ({ params }) =>
      open(params.sessionId, params.cwd, recalled(params.sessionId).progress),
    )
    .onRequest(methods.agent.session.load, async ({ params, client }) => {
      const { progress, said } = recalled(params.sessionId);
      const opened = await open(params.sessionId, params.cwd, progress);
      for (const update of said)
        await client.notify(methods.client.session.update, { sessionId: params.sessionId, update });
      return opened;
    })
    .onRequest(methods.agent.session.setMode, ({ params }) => {
      if (!MODES.availableModes.some(({ id }) => id === params.modeId))
        throw new RequestError(-32602, `there is no mode ${params.modeId}`);
      known(params.sessionId).mode = params.modeId;
      return {};
    })
    .onRequest(methods.agent.session.prompt, async ({ params, client, signal }) => {
      const session = known(params.sessionId);
      return takeTurn(session, signal, (cancelled) => answer(params.prompt, session, cancelled, client, deps));
    })
    .onNotification(methods.agent.session.cancel, ({ params }) => {
      const session = sessions.get(params.sessionId);
      if (session !== undefined) stop(session);
    });
}

async function answer(
  prompt: readonly ContentBlock[],
  session: Session,
  signal: AbortSignal,
  client: AgentContext,
  { timers, newId, crash, memory }: Deps,
): Promise<PromptResponse> {
  const { id: sessionId, cwd, mode, background } = session;
  const speaker = voice((update) => {
    memory.keepSaid(sessionId, update);
    return client.notify(methods.client.session.update, { sessionId, update });
  }, newId);
  const { script, from, source } = scriptOf(prompt, session);
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
  const keep = (progress: Omit<Progress, "script">) => memory.keep(sessionId, { script: source, ...progress });
  const end = await runTurn(script.steps, {
    cwd,
    voice: speaker,
    signal,
    timers,
    requestPermission,
    asksAlways: mode === "ask",
    background,
    from,
    keep,
  });
  if (end.kind !== "crashed") memory.forget(sessionId);
  return responseOf(end, crash);
}

/** A prompt without steps, in a session that was taken up again, goes on with what is left. */
function scriptOf(prompt: readonly ContentBlock[], session: Session) {
  const { left } = session;
  session.left = null;
  const source = textOf(prompt);
  const script = parseScript(source);
  if (left === null || script.kind !== "none") return { script, source, from: { done: 0, failures: [] } };
  return { script: parseScript(left.script), source: left.script, from: left };
}

function newSession(id: string, cwd: string, left: Progress | null): Session {
  const background = newBackground(new Set());
  return { id, cwd, mode: MODES.currentModeId, left, background, turns: new Set(), last: Promise.resolve() };
}

function newBackground(running: Background["running"]): Session["background"] {
  const halt = new AbortController();
  return { running, signal: halt.signal, stop: halt };
}

function stop(session: Session): void {
  for (const running of session.turns) running.abort();
  session.background.stop.abort();
  session.background = newBackground(session.background.running);
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

const MODES: SessionModeState = {
  currentModeId: "default",
  availableModes: [
    { id: "default", name: "As written", description: "Asks only where a block says `ask`." },
    { id: "ask", name: "Ask", description: "Asks before each command." },
  ],
};

function textOf(prompt: readonly ContentBlock[]): string {
  return prompt.map((block) => (block.type === "text" ? block.text : "")).join("\n");
}

async function requireDirectory(cwd: string): Promise<void> {
  if (!isAbsolute(cwd)) throw new RequestError(-32602, "cwd must be an absolute path");
  const found = await stat(cwd).catch(() => null);
  if (found === null || !found.isDirectory()) throw new RequestError(-32602, `there is no directory ${cwd}`);
}
