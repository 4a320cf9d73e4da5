/**
 * An agent's process and its ACP connection, from the start on. It may be started before anybody has a task for it: then it
 * is initialized and waits until its session's turn listens.
 */
import { AcpConnection } from "./acp-connection.ts";
import type { AcpHandlers } from "./acp-connection.ts";
import type { Fields } from "@samovar/domain/acp-update";
import type { AgentGrant, AgentStart } from "./agent-environment.ts";
import type { AgentProcess } from "./agent-process.ts";
import { startAgent } from "./agent-process.ts";
import { LineSplitter } from "./line-splitter.ts";

export interface AgentListener extends AcpHandlers {
  /** A line that is not JSON-RPC. */
  onOtherLine(line: string): void;
  /** All lines of a piece of output were taken; `skipped` characters so far stood in lines that were too long. */
  onRead(skipped: number): void;
}

export const LINE_MAX_CHARS = 32 * 1024 * 1024;
/** The version of ACP that is spoken here. */
export const ACP_VERSION = 1;

export class StartedAgent {
  readonly process: AgentProcess;
  readonly acp: AcpConnection;
  /** The agent's answer to `initialize`, which is asked at once. Rejects when the agent refuses or is gone. */
  readonly hello: Promise<Fields>;
  readonly #lines = new LineSplitter(LINE_MAX_CHARS);
  #listener: AgentListener | null = null;
  #isGone = false;

  constructor(start: AgentStart, grant: AgentGrant) {
    this.process = startAgent(start, grant);
    this.acp = new AcpConnection((line) => this.process.stdin.write(line), {
      onUpdate: (update) => this.#listener?.onUpdate(update),
      onNotification: (method, params) => this.#listener?.onNotification(method, params),
      onRequest: (method, params) => this.#listener?.onRequest(method, params),
      beforeAnswer: () => this.#listener?.beforeAnswer(),
    });
    this.process.stdout.on("data", (bytes: Buffer) => this.#read(bytes));
    void this.#closeAtExit();
    this.hello = this.acp.request("initialize", {
      protocolVersion: ACP_VERSION,
      clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
      clientInfo: { name: "samovar", version: "1" },
    });
    // Whoever runs the turn awaits it; until then a refusal is nobody's.
    this.hello.catch(() => {});
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** From now on the agent's updates and requests go there. */
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
