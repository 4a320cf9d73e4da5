/**
 * ACP's JSON-RPC over lines, in the order of the wire: what came before an answer is handled before it.
 * Reads raw lines, because a transcript may not lose what a typed reader does not know. Keeps M2.
 */
import { parseJson } from "@samovar/base";
import type { Fields } from "@samovar/domain/acp-update";
import { toFields } from "@samovar/domain/acp-update";

export interface AcpHandlers {
  /** `update` is raw. */
  onUpdate(update: unknown): void;
  /** Any other notification. */
  onNotification(method: string, params: Fields): void;
  /** Answers a request of the agent; `undefined` for a method that we do not have. */
  onRequest(method: string, params: Fields): unknown;
  /** Called before an answer is given to whoever waits for it. */
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
const WORDS_MAX_CHARS = 2000;

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

  /** One line from the agent; says whether it was JSON-RPC at all. */
  receive(line: string): boolean {
    const message = parse(line);
    if (message === null) return false;
    const { id, method } = message;
    if (typeof method === "string") this.#called(id, method, toFields(message["params"]));
    else if (typeof id === "number") this.#answered(id, message);
    return true;
  }

  /** Nobody will answer any more. */
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
    waiter.reject(errorOf(toFields(message["error"])));
  }

  #send(message: object): void {
    this.#write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  }
}

function parse(line: string): Fields | null {
  const value = parseJson(line);
  return typeof value === "object" && value !== null ? toFields(value) : null;
}

function errorOf(error: Fields): AcpError {
  const { code, message } = error;
  const details = toFields(error["data"])["details"];
  const words = [message, details].filter((part) => typeof part === "string").join(": ");
  return new AcpError(
    typeof code === "number" ? code : 0,
    (words === "" ? "the agent gave no reason" : words).slice(0, WORDS_MAX_CHARS),
  );
}
