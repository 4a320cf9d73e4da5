/** A cloud's API in memory over real HTTP, with answers that a test can put in the way. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { HttpFetch } from "./transport.ts";

/** Without the provider's time limit, which a busy machine would reach. */
export const fetchPatiently: HttpFetch = (url, { signal: _signal, ...init }) => globalThis.fetch(url, init);

export interface Reply {
  readonly status: number;
  /** A string is sent as it is. */
  readonly body: unknown;
  readonly headers?: Record<string, string>;
  /** The call is carried out before this reply goes out in place of the real one. */
  readonly execute?: boolean;
  /** The connection is closed instead. */
  readonly hangUp?: boolean;
}

export interface Call {
  readonly method: string;
  /** Without the API's version. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface ScriptedApi {
  /** With the API's version. */
  readonly url: string;
  /** `METHOD /path?query` of each request. */
  readonly requests: string[];
  readonly calls: Call[];
  /** The next calls whose `METHOD /path` is this are answered by these, in order. */
  put(call: string, ...replies: Reply[]): void;
  close(): Promise<void>;
}

export async function startScriptedApi(options: {
  readonly token: string;
  readonly version: string;
  readonly unauthorized: Reply;
  readonly carryOut: (call: Call) => Reply;
}): Promise<ScriptedApi> {
  const { token, version, unauthorized, carryOut } = options;
  const script = new Map<string, Reply[]>();
  const requests: string[] = [];
  const calls: Call[] = [];

  function answer(call: Call, authorised: boolean): Reply {
    const scripted = script.get(`${call.method} ${call.path}`)?.shift();
    if (!authorised) return unauthorized;
    if (scripted === undefined) return carryOut(call);
    if (scripted.execute === true) carryOut(call);
    return scripted;
  }

  async function handle(request: IncomingMessage, response: ServerResponse) {
    const url = new URL(request.url ?? "/", "http://scripted");
    const path = url.pathname.replace(version, "");
    const method = request.method ?? "GET";
    requests.push(`${method} ${path}${url.search}`);
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const body: Record<string, unknown> = text === "" ? {} : Object.fromEntries(Object.entries(JSON.parse(text)));
    const call = { method, path, query: url.searchParams, body };
    calls.push(call);
    const reply = answer(call, request.headers.authorization === `Bearer ${token}`);
    if (reply.hangUp === true) return void response.destroy();
    response.writeHead(reply.status, { "content-type": "application/json", ...reply.headers });
    response.end(typeof reply.body === "string" ? reply.body : JSON.stringify(reply.body));
  }

  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}${version}`,
    requests,
    calls,
    put: (call, ...replies) => void script.set(call, [...(script.get(call) ?? []), ...replies]),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
