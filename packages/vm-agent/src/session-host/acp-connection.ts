/**
 * ACP's JSON-RPC over lines, in the order of the wire: messages that came before an answer are handled before it.
 * Reads raw lines, so that the transcript keeps what a typed reader does not know. Keeps M2.
 */
import { parseJson } from "@samovar/base";
import type { Fields } from "@samovar/domain/acp-update";
import { toFields } from "@samovar/domain/acp-update";

export interface AcpHandlers {
  /** `update` is the raw ACP update. */
  onUpdate(update: unknown): void;
  /** Any other notification. */
  onNotification(method: string, params: Fields): void;
  /** Returns the result of a request from the agent; `undefined` for an unsupported method. */
  onRequest(method: string, params: Fields): unknown;
  /** Called before an answer resolves its request. */
  beforeAnswer(): void;
}

/** The agent's JSON-RPC error. */
export class AcpError extends Error {
  override readonly name = "AcpError";
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

interface Waiter {
  readonly resolve: (result: Fields) => void;
  readonly reject: (error: Error) => void;
}

const METHOD_NOT_FOUND = -32601;
const MESSAGE_MAX_CHARS = 2000;

export class AcpConnection {
  readonly #write: (line: string) => void;
  readonly #handlers: AcpHandlers;
  readonly #waiting = new Map<number, Waiter>();
  #nextId = 1;
  #closed: Error | null = null;

  constructor(write: (line: string) => void, handlers: AcpHandlers) {
    this.#write = write;
    this.#handlers = handlers;
  }

  /** Rejects with {@link AcpError}, or with the reason of {@link close}. */
  request(method: string, params: object): Promise<Fields> {
    if (this.#closed !== null) return Promise.reject(this.#closed);
    const id = this.#nextId++;
    const answer = new Promise<Fields>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#send({ id, method, params });
    return answer;
  }

  notify(method: string, params: object): void {
    if (this.#closed === null) this.#send({ method, params });
  }

  /** Handles one line from the agent; returns whether it was JSON-RPC. */
  receive(line: string): boolean {
    const message = parse(line);
    if (message === null) return false;
    const { id, method } = message;
    if (typeof method === "string") this.#called(id, method, toFields(message["params"]));
    else if (typeof id === "number") this.#answered(id, message);
    return true;
  }

  /** Rejects all open requests: no answers will come. */
  close(reason: Error): void {
    this.#closed ??= reason;
    for (const waiter of this.#waiting.values()) waiter.reject(this.#closed);
    this.#waiting.clear();
  }

  #called(id: unknown, method: string, params: Fields): void {
    if (method === "session/update") this.#handlers.onUpdate(params["update"]);
    else if (typeof id === "number" || typeof id === "string") this.#reply(id, method, params);
    else this.#handlers.onNotification(method, params);
  }

  #reply(id: number | string, method: string, params: Fields): void {
    const result = this.#handlers.onRequest(method, params);
    if (result === undefined)
      this.#send({ id, error: { code: METHOD_NOT_FOUND, message: `no such method: ${method.slice(0, 100)}` } });
    else this.#send({ id, result });
  }

  #answered(id: number, message: Fields): void {
    const waiter = this.#waiting.get(id);
    if (waiter === undefined) return;
    this.#waiting.delete(id);
    this.#handlers.beforeAnswer();
    if (message["error"] === undefined) return waiter.resolve(toFields(message["result"]));
    waiter.reject(parseError(toFields(message["error"])));
  }

  #send(message: object): void {
    this.#write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  }
}

function parse(line: string): Fields | null {
  const value = parseJson(line);
  return typeof value === "object" && value !== null ? toFields(value) : null;
}

function parseError(error: Fields): AcpError {
  const { code, message } = error;
  const details = toFields(error["data"])["details"];
  const text = [message, details].filter((part) => typeof part === "string").join(": ");
  return new AcpError(
    typeof code === "number" ? code : 0,
    (text === "" ? "the agent gave no reason" : text).slice(0, MESSAGE_MAX_CHARS),
  );
}
