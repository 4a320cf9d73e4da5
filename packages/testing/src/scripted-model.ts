/**
 * A model server on loopback that plays a script, whatever API it speaks: a dialect reads requests and words answers.
 * Which turn comes next is read from the conversation itself, so a repeated request gets the same answer.
 */
import { parseJson } from "@samovar/base";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import { closeServer, listenOnLoopback, readBody } from "./loopback.ts";
import type { ScriptedTurn } from "./messages-script.ts";
import type { RecordedRequest } from "./scripted-messages-api.ts";

/** A part of a streamed answer, as it is written. */
export interface ScriptedFrame {
  readonly text: string;
  /** Whether it carries a piece of what the model says. */
  readonly isChunk: boolean;
}

export type ModelAsked =
  | {
      readonly kind: "answer";
      /** How often the model has spoken in the conversation. */
      readonly turn: number;
      readonly hasTools: boolean;
      readonly isStream: boolean;
      frames(turn: ScriptedTurn): readonly ScriptedFrame[];
      whole(turn: ScriptedTurn): unknown;
    }
  /** Something small beside the conversation, such as the list of models. */
  | { readonly kind: "count"; readonly body: unknown };

export interface ModelDialect {
  keyOf(request: IncomingMessage): string | null;
  /** Null for a route that is not scripted. `path` has no query. */
  read(method: string, path: string, body: unknown): ModelAsked | null;
  refusal(status: number, message: string): unknown;
}

export interface ScriptedModelOptions {
  /** The conversation's turns, in order; a request beyond them is refused. */
  readonly turns: readonly ScriptedTurn[];
  /** The one key that is accepted; any is when this is absent. A request without a key is answered 401. */
  readonly apiKey?: string;
  /** What side questions, such as the one for a title, are answered. */
  readonly sideAnswer?: string;
}

export interface ScriptedModel {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** In the order in which they came. */
  readonly requests: readonly RecordedRequest[];
  close(): Promise<void>;
}

export async function startScriptedModel(dialect: ModelDialect, options: ScriptedModelOptions): Promise<ScriptedModel> {
  const model = new Model(dialect, options);
  const server = createServer((request, response) => {
    model.handle(request, response).catch(() => response.destroy());
  });
  const url = await listenOnLoopback(server);
  return { url, requests: model.requests, close: () => closeServer(server) };
}

type Recorder = (answered: RecordedRequest["answered"], turn?: number | null) => void;

class Model {
  readonly requests: RecordedRequest[] = [];
  readonly #dialect: ModelDialect;
  readonly #options: ScriptedModelOptions;
  readonly #refusals = new Map<number, number>();

  constructor(dialect: ModelDialect, options: ScriptedModelOptions) {
    this.#dialect = dialect;
    this.#options = options;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url: path = "/" } = request;
    const body = parseJson(await readBody(request)) ?? null;
    const apiKey = this.#dialect.keyOf(request);
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
    const record: Recorder = (answered, turn = null) =>
      void this.requests.push({ method, path, headers, body, answered, apiKey, turn });
    const refuse = (status: number, message: string, turn: number | null = null) => {
      record("refused", turn);
      sendJson(response, status, this.#dialect.refusal(status, message));
    };
    if (apiKey === null || (this.#options.apiKey !== undefined && apiKey !== this.#options.apiKey))
      return refuse(401, "the key is wrong");
    const asked = this.#dialect.read(method, path.split("?")[0] ?? "", body);
    if (asked === null) {
      record("unknown");
      return sendJson(response, 404, this.#dialect.refusal(404, `${method} ${path} is not scripted`));
    }
    if (asked.kind === "count") {
      record("count");
      return sendJson(response, 200, asked.body);
    }
    await this.#answer(asked, response, record, refuse);
  }

  async #answer(
    asked: Extract<ModelAsked, { kind: "answer" }>,
    response: ServerResponse,
    record: Recorder,
    refuse: (status: number, message: string, turn: number) => void,
  ): Promise<void> {
    const { turns, sideAnswer = "A scripted task" } = this.#options;
    if (!asked.hasTools) {
      record("side");
      return send(response, asked, { text: sideAnswer });
    }
    const turn = turns[asked.turn];
    if (turn === undefined)
      return refuse(400, `the script has ${turns.length} turns; turn ${asked.turn} was asked for`, asked.turn);
    const refused = this.#refusals.get(asked.turn) ?? 0;
    if (turn.refuse !== undefined && refused < turn.refuse.times) {
      this.#refusals.set(asked.turn, refused + 1);
      return refuse(turn.refuse.status, "scripted refusal", asked.turn);
    }
    record("turn", asked.turn);
    return send(response, asked, turn);
  }
}

async function send(
  response: ServerResponse,
  asked: Extract<ModelAsked, { kind: "answer" }>,
  turn: ScriptedTurn,
): Promise<void> {
  if (!asked.isStream) return sendJson(response, 200, asked.whole(turn));
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  let chunks = 0;
  for (const frame of asked.frames(turn)) {
    if (frame.isChunk) await turn.beforeChunk?.(chunks++);
    if (response.destroyed) return;
    response.write(frame.text);
  }
  response.end();
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
