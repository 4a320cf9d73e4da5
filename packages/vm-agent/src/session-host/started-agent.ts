/**
 * An agent's process and its ACP connection. It may be started before there is a task for it: then it is initialized and
 * waits until its session's turn attaches a listener.
 */
import { AcpConnection } from "./acp-connection.ts";
import type { AcpHandlers } from "./acp-connection.ts";
import type { Fields } from "@samovar/domain/acp-update";
import type { AgentGrant, AgentStart } from "./agent-environment.ts";
import type { AgentProcess } from "./agent-process.ts";
import { startAgent } from "./agent-process.ts";
import type { WorkspaceRuntime } from "../runtime/runtime.ts";
import { LineSplitter } from "./line-splitter.ts";

export interface AgentListener extends AcpHandlers {
  /** A line that is not JSON-RPC. */
  onOtherLine(line: string): void;
  /** All lines of a chunk were handled; `skipped` lines so far were too long. */
  onRead(skipped: number): void;
}

export const LINE_MAX_CHARS = 32 * 1024 * 1024;
/** The supported version of ACP. */
export const ACP_VERSION = 1;

export class StartedAgent {
  readonly process: AgentProcess;
  readonly acp: AcpConnection;
  /** The agent's answer to `initialize`, which is sent at once. Rejects when the agent refuses or exits. */
  readonly initialized: Promise<Fields>;
  readonly #lines = new LineSplitter(LINE_MAX_CHARS);
  #listener: AgentListener | null = null;
  #isGone = false;

  constructor(start: AgentStart, grant: AgentGrant, runtime: WorkspaceRuntime) {
    this.process = startAgent(start, grant, runtime);
    this.acp = new AcpConnection((line) => this.process.stdin.write(line), {
      onUpdate: (update) => this.#listener?.onUpdate(update),
      onNotification: (method, params) => this.#listener?.onNotification(method, params),
      onRequest: (method, params) => this.#listener?.onRequest(method, params),
      beforeAnswer: () => this.#listener?.beforeAnswer(),
    });
    this.process.stdout.on("data", (bytes: Buffer) => this.#read(bytes));
    void this.#closeAtExit();
    this.initialized = this.acp.request("initialize", {
      protocolVersion: ACP_VERSION,
      clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
      clientInfo: { name: "samovar", version: "1" },
    });
    // The turn awaits it later; until then a rejection must not count as unhandled.
    this.initialized.catch(() => {});
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** Sends the agent's updates and requests to the listener from now on. */
  listen(listener: AgentListener): void {
    this.#listener = listener;
  }

  async #closeAtExit(): Promise<void> {
    await this.process.exited;
    this.#isGone = true;
    this.acp.close(new Error("the agent is gone"));
  }

  #read(bytes: Buffer): void {
    for (const line of this.#lines.push(bytes)) {
      if (!this.acp.receive(line)) this.#listener?.onOtherLine(line);
    }
    this.#listener?.onRead(this.#lines.skipped);
  }
}
