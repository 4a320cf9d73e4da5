/** For tests: a loopback store with real delivery results, and session hosts as real processes. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, watch, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { idSource, systemClock, systemRandom } from "@samovar/base";
import type { MessageId } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import type { HostCommand, HostLaunch, HostStatus, SecretDigests } from "@samovar/contracts";
import { NO_LIMITS, OPEN_EGRESS, PROTOCOL_VERSION, deliveryRequest, hostFrame } from "@samovar/contracts";
import { hashMessage, digestTranscript } from "@samovar/domain/transcript-digest";
import { toDeliveryResult, decideDelivery, readDeliveredRow } from "@samovar/domain/message-store";
import type { StoredMessage } from "@samovar/domain/message-store";
import { VM_AGENT_ARGS } from "@samovar/testing";
import { SESSION_MARK } from "./agent-environment.ts";
import { type SessionHostDeps, runSessionHost } from "./main.ts";

const ids = idSource(systemClock, systemRandom);
/** The script agent's command, as on a node. */
export const scriptAgent = [process.execPath, ...VM_AGENT_ARGS, "script-agent"];

/** The fault to inject into a request, chosen when it arrives. */
export type StoreFault = "none" | "drop_request" | "drop_reply" | "unavailable" | "unauthorized";

export async function startStore(sessionId: HostLaunch["sessionId"]) {
  const messages = new Map<string, StoredMessage>();
  const tokens: string[] = [];
  const store = {
    fault: (): StoreFault => "none",
    credential: { status: 404, body: {} as object },
    /** Null: as a control plane that does not have them. */
    digests: { salt: "0".repeat(32), forms: [], apiTokens: [] } as SecretDigests | null,
    conflicts: 0,
  };

  function take(rows: readonly unknown[]) {
    const results = rows.map((row) => {
      const read = readDeliveredRow(row, { seq: 1, timestamp: new Date(0).toISOString() });
      if (!read.ok) return { messageId: read.error.messageId, outcome: "rejected" as const, reason: read.error.reason };
      const { value } = read;
      const decision = decideDelivery(
        messages.get(value.messageId) ?? null,
        value,
        { session: sessionId },
        { position: messages.size, createdAt: 0 },
      );
      if (decision.outcome === "stored") messages.set(value.messageId, decision.next);
      if (decision.outcome === "conflict" || decision.outcome === "rejected") store.conflicts += 1;
      return toDeliveryResult(value.messageId, decision);
    });
    const count = (outcome: string) => results.filter((result) => result.outcome === outcome).length;
    return { persisted: count("stored"), duplicates: count("duplicate"), results };
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    tokens.push(request.headers.authorization ?? "");
    const answer = (status: number, body: object) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (request.url?.endsWith("/agent-credential") === true)
      return void answer(store.credential.status, store.credential.body);
    if (request.url?.endsWith("/secret-digests") === true)
      return void (store.digests === null ? answer(404, {}) : answer(200, store.digests));
    const fault = store.fault();
    if (fault === "drop_request") return void request.socket.destroy();
    if (fault === "unavailable") return void answer(503, {});
    if (fault === "unauthorized") return void answer(401, {});
    const reply = take(deliveryRequest.parse(JSON.parse(Buffer.concat(chunks).toString("utf8"))).messages);
    if (fault === "drop_reply") return void request.socket.destroy();
    answer(200, reply);
  }

  const server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  return Object.assign(store, {
    url: `http://127.0.0.1:${port}`,
    tokens,
    transcript: () => [...messages.values()].toSorted((a, b) => a.position - b.position),
    digest: () =>
      digestTranscript(
        [...messages.values()]
          .toSorted((a, b) => a.position - b.position)
          .filter((message) => message.final)
          .map((message) => hashMessage(message, sha256)),
        sha256,
      ),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  });
}
export type TestStore = Awaited<ReturnType<typeof startStore>>;

/** A session's directory with its `host.json`. */
export function aLaunch(
  controlPlaneUrl: string,
  prompt: string,
  change: Partial<HostLaunch> = {},
): { directory: string; launch: HostLaunch } {
  const directory = mkdtempSync(join(tmpdir(), "smv-host-"));
  const [cwd, home] = [join(directory, "repo"), join(directory, "home")];
  mkdirSync(cwd);
  mkdirSync(home);
  const sessionId = change.sessionId ?? ids.make("ses");
  const launch: HostLaunch = {
    protocol: PROTOCOL_VERSION,
    controlPlaneUrl,
    nodeId: ids.make("nod"),
    epoch: 1,
    workspaceId: ids.make("wsp"),
    projectId: ids.make("prj"),
    sessionId,
    mark: sessionId,
    cwd,
    home,
    user: null,
    sandbox: null,
    limits: NO_LIMITS,
    container: null,
    agent: { kind: "script", command: scriptAgent, env: {}, gateway: null, secretEnv: false },
    model: null,
    permissionMode: null,
    egress: OPEN_EGRESS,
    repositoryHost: null,
    setupTimeoutMs: 60_000,
    prompt: { messageId: ids.messageId() as MessageId, text: prompt },
    idleTimeoutMs: 60_000,
    maxDurationMs: 120_000,
    ...change,
  };
  writeFileSync(join(directory, "host.json"), JSON.stringify(launch));
  return { directory, launch };
}

export interface HostClient {
  status(): HostStatus | null;
  send(command: HostCommand): void;
  /** Resolves with the first matching status. */
  until(matches: (status: HostStatus) => boolean): Promise<HostStatus>;
  disconnect(): void;
}

export interface RunningHost extends HostClient {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
}

const QUICK = { MSG_RETRY_INITIAL_MS: "20", MSG_RETRY_MAX_MS: "100", MSG_BATCH_MIN_INTERVAL_MS: "5" };

/** Runs a host in this process with a real agent process: faster than {@link startHost}, for tests that kill no host. */
export async function openHost(
  directory: string,
  deps: SessionHostDeps = {},
): Promise<HostClient & { readonly exited: Promise<number | null> }> {
  const exited = runSessionHost(directory, { env: QUICK, ...deps });
  return { exited, ...createHostClient(await connectTo(join(directory, "host.sock"), exited)) };
}

/** Pids of the session's running processes: the agent and its descendants. */
export function findSessionProcesses(sessionId: string): readonly number[] {
  const isOurs = (pid: string) => {
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, "latin1");
      const isZombie = readFileSync(`/proc/${pid}/stat`, "latin1").includes(") Z ");
      return !isZombie && environment.split("\0").includes(`${SESSION_MARK}=${sessionId}`);
    } catch {
      return false;
    }
  };
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && isOurs(name))
    .map(Number);
}

/** Starts a host as a real process and connects to it like a daemon. */
export async function startHost(directory: string, env: Record<string, string> = {}): Promise<RunningHost> {
  const child = spawn(process.execPath, [...VM_AGENT_ARGS, "session-host", directory], {
    env: {
      ...process.env,
      ...QUICK,
      ...env,
    },
    stdio: "ignore",
    detached: true,
  });
  const exited = new Promise<number | null>((resolve) => child.once("exit", (exit) => resolve(exit)));
  const socket = await connectTo(join(directory, "host.sock"), exited);
  return { child, exited, ...createHostClient(socket) };
}

function createHostClient(socket: Socket): HostClient {
  let latest: HostStatus | null = null;
  const waiting = new Set<{ matches: (status: HostStatus) => boolean; resolve: (status: HostStatus) => void }>();
  const lines = createInterface(socket).on("error", () => {});
  lines.on("line", (line) => {
    const frame = hostFrame.parse(JSON.parse(line));
    if (frame.type === "ack") return;
    const { status } = frame;
    latest = status;
    for (const waiter of waiting) {
      if (!waiter.matches(status)) continue;
      waiting.delete(waiter);
      waiter.resolve(status);
    }
  });
  return {
    status: () => latest,
    send: (command) => void socket.write(`${JSON.stringify(command)}\n`),
    until: (matches) =>
      latest !== null && matches(latest)
        ? Promise.resolve(latest)
        : new Promise((resolve) => waiting.add({ matches, resolve })),
    disconnect: () => socket.destroy(),
  };
}

/** Connects as soon as the host listens. Rejects when the host has exited. */
async function connectTo(path: string, exited: Promise<number | null>): Promise<Socket> {
  let news = Promise.withResolvers<"news">();
  let isFresh = false;
  const watcher = watch(dirname(path), (_, name) => {
    if (name !== basename(path)) return;
    isFresh = true;
    news.resolve("news");
    news = Promise.withResolvers();
  });
  const ended = exited.then((code) => ({ code }));
  try {
    for (;;) {
      const next = news.promise;
      const socket = connect(path).on("error", () => {});
      const refused = await new Promise<string | null>((resolve) => {
        socket.once("connect", () => resolve(null));
        socket.once("error", (error) => resolve("code" in error ? String(error.code) : "unknown"));
      });
      if (refused === null) return socket;
      // A socket file that refuses connections belongs to a dead host or to one that is about to listen.
      const isComing = refused === "ECONNREFUSED" && isFresh;
      const soon = isComing ? new Promise<"news">((resolve) => setImmediate(() => resolve("news"))) : next;
      const what = await Promise.race([soon, ended]);
      if (what !== "news") throw new Error(`the host exited with ${what.code}`);
    }
  } finally {
    watcher.close();
  }
}

export const aToken = (): HostCommand => ({
  type: "token",
  token: `token-${ids.messageId()}`,
  expiresAt: 9_999_999_999_999,
});
