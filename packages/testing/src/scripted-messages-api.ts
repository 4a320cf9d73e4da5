/**
 * A model server on loopback that plays a script: the part of the Anthropic Messages API that Claude Code uses.
 * Which turn comes next is read from the conversation itself, so a repeated request gets the same answer.
 */
import { parseJson } from "@samovar/base";
import { randomUUID } from "node:crypto";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import { isChunk, type ScriptedTurn, streamedAnswer, wholeAnswer } from "./messages-script.ts";
import { closeServer, listenOnLoopback, readBody } from "./loopback.ts";

export interface RecordedRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The parsed JSON body; null when there was none. */
  readonly body: unknown;
  /** `turn`: answered from the script; `side`: a small question beside the conversation. */
  readonly answered: "turn" | "side" | "count" | "probe" | "refused" | "unknown";
  /** The key that came as `x-api-key` or as a bearer token; null when none did. */
  readonly apiKey: string | null;
  /** The number of the turn, from 0; null for all others. */
  readonly turn: number | null;
}

export interface ScriptedMessagesApi {
  /** For `ANTHROPIC_BASE_URL`. */
  readonly url: string;
  /** In the order in which they came. */
  readonly requests: readonly RecordedRequest[];
  close(): Promise<void>;
}

export interface ScriptedMessagesApiOptions {
  /** The conversation's turns, in order; a request beyond them is refused. */
  readonly turns: readonly ScriptedTurn[];
  /** Other conversations, each by a text that its messages hold; those that none fits play `turns`. */
  readonly conversations?: Readonly<Record<string, readonly ScriptedTurn[]>>;
  /** The one key that is accepted; any is when this is absent. A request without a key is answered 401. */
  readonly apiKey?: string;
  /** What side questions, such as the one for a title, are answered. */
  readonly sideAnswer?: string;
}

export async function startScriptedMessagesApi(options: ScriptedMessagesApiOptions): Promise<ScriptedMessagesApi> {
  const model = new ScriptedModel(options);
  const server = createServer((request, response) => {
    model.handle(request, response).catch(() => response.destroy());
  });
  const url = await listenOnLoopback(server);
  return { url, requests: model.requests, close: () => closeServer(server) };
}

class ScriptedModel {
  readonly requests: RecordedRequest[] = [];
  readonly #options: ScriptedMessagesApiOptions;
  readonly #refusals = new Map<ScriptedTurn, number>();

  constructor(options: ScriptedMessagesApiOptions) {
    this.#options = options;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? "/";
    const body = parseJson(await readBody(request)) ?? null;
    const apiKey = keyOf(request);
    const record: Recorder = (answered, turn = null) =>
      void this.requests.push({
        method: request.method ?? "",
        path,
        headers: headersOf(request),
        body,
        answered,
        apiKey,
        turn,
      });
    if (request.method === "HEAD") {
      record("probe");
      response.writeHead(200).end();
      return;
    }
    if (apiKey === null || (this.#options.apiKey !== undefined && apiKey !== this.#options.apiKey)) {
      record("refused");
      return refuse(response, 401, "authentication_error", "invalid x-api-key");
    }
    const route = `${request.method} ${path.split("?")[0]}`;
    if (route === "POST /v1/messages") return this.#message(readAsked(body), response, record);
    if (route === "POST /v1/messages/count_tokens") {
      record("count");
      return sendJson(response, 200, { input_tokens: 10 });
    }
    record("unknown");
    return refuse(response, 404, "not_found_error", `${route} is not scripted`);
  }

  async #message(asked: Asked, response: ServerResponse, record: Recorder): Promise<void> {
    const { sideAnswer = '{"title": "A scripted task"}' } = this.#options;
    if (!asked.hasTools) {
      record("side");
      return answer(response, { text: sideAnswer }, asked);
    }
    const turns = this.#conversation(asked.said);
    const turn = turns[asked.turn];
    if (turn === undefined) {
      record("refused", asked.turn);
      const message = `the script has ${turns.length} turns; turn ${asked.turn} was asked for`;
      return refuse(response, 400, "invalid_request_error", message);
    }
    const refused = this.#refusals.get(turn) ?? 0;
    if (turn.refuse !== undefined && refused < turn.refuse.times) {
      this.#refusals.set(turn, refused + 1);
      record("refused", asked.turn);
      return refuse(response, turn.refuse.status, "api_error", "scripted refusal");
    }
    record("turn", asked.turn);
    return answer(response, turn, asked);
  }

  #conversation(said: string): readonly ScriptedTurn[] {
    const { turns, conversations = {} } = this.#options;
    return Object.entries(conversations).find(([text]) => said.includes(text))?.[1] ?? turns;
  }
}

type Recorder = (answered: RecordedRequest["answered"], turn?: number | null) => void;

async function answer(response: ServerResponse, turn: ScriptedTurn, { model, stream }: Asked): Promise<void> {
  const head = { messageId: `msg_${randomUUID()}`, model };
  if (!stream) return sendJson(response, 200, wholeAnswer(turn, head));
  response.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
    "request-id": head.messageId,
  });
  let chunks = 0;
  for (const event of streamedAnswer(turn, head)) {
    if (isChunk(event)) await turn.beforeChunk?.(chunks++);
    if (response.destroyed) return;
    response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  }
  response.end();
}

interface Asked {
  readonly model: string;
  readonly stream: boolean;
  readonly hasTools: boolean;
  /** All messages, as JSON. */
  readonly said: string;
  /** How often the assistant has spoken in the conversation. */
  readonly turn: number;
}

function readAsked(body: unknown): Asked {
  const fields = isRecord(body) ? body : {};
  const messages = Array.isArray(fields["messages"]) ? fields["messages"] : [];
  return {
    model: typeof fields["model"] === "string" ? fields["model"] : "scripted",
    stream: fields["stream"] === true,
    hasTools: Array.isArray(fields["tools"]) && fields["tools"].length > 0,
    said: JSON.stringify(messages),
    turn: messages.filter((message) => isRecord(message) && message["role"] === "assistant").length,
  };
}

function keyOf({ headers }: IncomingMessage): string | null {
  const key = headers["x-api-key"] ?? /^Bearer (.+)$/.exec(headers.authorization ?? "")?.[1];
  return key === undefined ? null : String(key);
}

function refuse(response: ServerResponse, status: number, type: string, message: string): void {
  sendJson(response, status, { type: "error", error: { type, message } });
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function headersOf(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
