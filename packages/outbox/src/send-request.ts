/**
 * One HTTP request with Node's client. `fetch` would double the code that a session host loads and take a fifth of the CPU time
 * of a short session. Redirects are not followed, but returned to the caller.
 */
import { Agent, type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from "node:http";

export interface RequestOptions {
  readonly method?: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  /** UTF-8. */
  readonly body?: string;
  readonly signal: AbortSignal;
  /** A longer response is an error. */
  readonly maxBytes?: number;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The whole body. */
  readonly text: string;
}

const MAX_BYTES = 16 * 1024 * 1024;
const KEEP_ALIVE = { keepAlive: true, maxSockets: 8 };

interface Client {
  readonly send: typeof requestHttp;
  readonly agent: Agent;
}
const clients = new Map<string, Client>();

/** Created at the first use: a startup snapshot can contain neither an agent nor the TLS code. */
function getClient(protocol: string): Client {
  const known = clients.get(protocol);
  if (known !== undefined) return known;
  const client = protocol === "https:" ? loadHttps() : { send: requestHttp, agent: new Agent(KEEP_ALIVE) };
  clients.set(protocol, client);
  return client;
}

/** Not by `import()`, which a program that starts from a snapshot does not have. */
function loadHttps(): Client {
  const { Agent: SecureAgent, request } = process.getBuiltinModule("node:https");
  return { send: request, agent: new SecureAgent(KEEP_ALIVE) };
}

/**
 * For idempotent requests: sends the request again if its kept-alive connection was closed meanwhile. Rejects when no complete
 * response arrives: with the network's error, the abort's reason, or because it is too long.
 */
export async function sendRequest(url: URL, options: RequestOptions): Promise<HttpResponse> {
  for (;;) {
    try {
      return await sendOnce(url, options);
    } catch (error) {
      if (error !== CLOSED_MEANWHILE) throw error;
    }
  }
}

const CLOSED_MEANWHILE = new Error("a kept connection was closed");

async function sendOnce(url: URL, options: RequestOptions): Promise<HttpResponse> {
  const { headers, body = "", signal } = options;
  signal.throwIfAborted();
  const { send, agent } = getClient(url.protocol);
  const { promise, resolve, reject } = Promise.withResolvers<HttpResponse>();
  const content = Buffer.from(body);
  const request = send(url, {
    method: options.method ?? "GET",
    headers: { ...headers, "content-length": content.length },
    agent,
  });
  const abort = () => request.destroy(toError(signal.reason));
  signal.addEventListener("abort", abort, { once: true });
  request.once("error", (error: NodeJS.ErrnoException) =>
    reject(request.reusedSocket && error.code === "ECONNRESET" ? CLOSED_MEANWHILE : error),
  );
  request.once("response", (response) => {
    readText(response, options.maxBytes ?? MAX_BYTES).then(
      (text) => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
      (error: unknown) => {
        request.destroy();
        reject(signal.aborted ? toError(signal.reason) : error);
      },
    );
  });
  request.end(content);
  try {
    return await promise;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

async function readText(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    const piece = Buffer.from(chunk);
    bytes += piece.length;
    if (bytes > maxBytes) throw new Error(`the answer is longer than ${maxBytes} bytes`);
    chunks.push(piece);
  }
  return Buffer.concat(chunks).toString("utf8");
}

const toError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(String(reason)));
