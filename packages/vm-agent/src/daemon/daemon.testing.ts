/** For tests: daemons as real processes in a temporary directory. */
import { AGENTS } from "@samovar/domain/agents";
import type { CommandDraft } from "@samovar/contracts";
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { VM_AGENT_MODULE, VM_AGENT_SNAPSHOTS } from "@samovar/testing";
import { ids, TestControlPlane } from "./control-plane.testing.ts";
import { makeDirectory } from "./git/repositories.testing.ts";

export class TestNode {
  readonly root = makeDirectory();
  readonly stateDir = join(this.root, "var/lib/samovar");
  readonly controlPlane = new TestControlPlane();
  /** Additional environment variables for the next daemon. */
  env: Record<string, string> = {};
  /** What starts the next daemon; stands before its argv. */
  launcher: readonly string[] = [];
  readonly #daemons: ChildProcess[] = [];

  async prepare(): Promise<this> {
    await this.controlPlane.start();
    // As on a server, where every user may pass to the state directory.
    for (const directory of ["", "var", "var/lib"]) {
      mkdirSync(join(this.root, directory), { recursive: true });
      chmodSync(join(this.root, directory), 0o711);
    }
    const { nodeId, bootstrapToken, url } = this.controlPlane;
    mkdirSync(join(this.root, "etc"));
    writeFileSync(
      this.agentFile,
      JSON.stringify({ controlPlaneUrl: url, nodeId, bootstrapToken, stateDir: "/var/lib/samovar" }),
    );
    return this;
  }

  get agentFile(): string {
    return join(this.root, "etc/agent.json");
  }

  startDaemon(): ChildProcess {
    const log = openSync(join(this.root, "daemon.log"), "a");
    const [file = "", ...words] = [...this.launcher, process.execPath, VM_AGENT_MODULE, "daemon", this.agentFile];
    const child = spawn(file, words, {
      env: {
        PATH: process.env["PATH"],
        HOME: this.root,
        SAMOVAR_ROOT: this.root,
        SAMOVAR_TEST_NODE: this.root,
        LOG_LEVEL: "debug",
        WORKSPACE_RUNTIME: "process",
        ...(VM_AGENT_SNAPSHOTS === null ? {} : { SAMOVAR_SNAPSHOTS_DIR: VM_AGENT_SNAPSHOTS }),
        DRAIN_TIMEOUT_MS: "5000",
        MSG_RETRY_INITIAL_MS: "20",
        MSG_RETRY_MAX_MS: "100",
        MSG_BATCH_MIN_INTERVAL_MS: "5",
        ...this.env,
      },
      stdio: ["ignore", log, log],
    });
    this.#daemons.push(child);
    return child;
  }

  log(): string {
    return readFileSync(join(this.root, "daemon.log"), "utf8");
  }

  /** Pids of this node's session hosts that were not started as standby hosts. */
  hosts(): number[] {
    return this.#processes().filter((pid) => /session-host (?!--standby)/.test(readCommandLine(pid)));
  }

  /** Pids of session hosts that were started as standby hosts, with or without a session by now. */
  standbyHosts(): number[] {
    return this.#processes().filter((pid) => readCommandLine(pid).includes("session-host --standby"));
  }

  /** Names of the workspace directories that have a checkout. */
  checkouts(): string[] {
    const root = join(this.stateDir, "w");
    if (!existsSync(root)) return [];
    return readdirSync(root).filter((name) => existsSync(join(root, name, "repo/.git")));
  }

  /** Kills everything that this node started. */
  clean(): void {
    for (const child of this.#daemons) child.kill("SIGKILL");
    for (const pid of this.#processes()) kill(pid);
    this.controlPlane.stop();
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5 });
  }

  #processes(): number[] {
    const isOurs = (pid: number) =>
      readProc(pid, "environ").includes(`=${this.root}`) || readProc(pid, "cmdline").includes(this.root);
    return readdirSync("/proc")
      .map(Number)
      .filter((pid) => Number.isInteger(pid) && pid !== process.pid && isOurs(pid));
  }
}

export function waitForExit(child: ChildProcess): Promise<number | null> {
  return child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve(child.exitCode)
    : new Promise((resolve) => child.once("exit", (code) => resolve(code)));
}

export interface TestRun {
  readonly workspaceId: ReturnType<typeof ids.make<"wsp">>;
  readonly sessionId: ReturnType<typeof ids.make<"ses">>;
  readonly create: CommandDraft;
  readonly start: CommandDraft;
  readonly cancel: CommandDraft;
  readonly destroy: CommandDraft;
}

/** The commands of one run. Registers the workspace's token with the control plane. */
export function aRun(node: TestNode, repoUrl: string, prompt: string): TestRun {
  const [workspaceId, sessionId, runId] = [ids.make("wsp"), ids.make("ses"), ids.make("run")];
  node.controlPlane.tokens.set(sessionId, {
    workspaceId,
    sessionId,
    token: `ws-token-${sessionId}`,
    expiresAt: 9_999_999_999_999,
  });
  return {
    workspaceId,
    sessionId,
    create: {
      id: `${runId}:workspace.create`,
      kind: "workspace.create",
      args: {
        workspaceId,
        sessionId,
        projectId: ids.make("prj"),
        taskId: null,
        repoUrl,
        baseBranch: null,
        branch: "task/a",
        commitIdentity: { name: "Samovar", email: "samovar@localhost" },
        checkout: { submodules: false, lfs: false, hooks: false },
      },
    },
    start: {
      id: `${runId}:session.start`,
      kind: "session.start",
      args: {
        workspaceId,
        sessionId,
        agent: AGENTS.script.recipe,
        model: null,
        permissionMode: null,
        setupTimeoutMs: 60_000,
        prompt: { messageId: ids.messageId(), text: prompt },
        idleTimeoutMs: 60_000,
        maxDurationMs: 120_000,
        finish: { commit: true, push: true, commitMessage: "Make tea" },
      },
    },
    cancel: {
      id: `${runId}:session.cancel`,
      kind: "session.cancel",
      args: { workspaceId, sessionId, reason: "enough" },
    },
    destroy: { id: `${runId}:workspace.destroy`, kind: "workspace.destroy", args: { workspaceId } },
  };
}

/** The run with its agent named in the workspace's command, so that a standby host is started. */
export function withEarlyAgent(run: TestRun): TestRun {
  if (run.create.kind !== "workspace.create") throw new Error("not a workspace's creation");
  return { ...run, create: { ...run.create, args: { ...run.create.args, agent: AGENTS.script.recipe } } };
}

export const fence = (info: string, body = ""): string => `\`\`\`${info}\n${body}\n\`\`\`\n`;

function readCommandLine(pid: number): string {
  return readProc(pid, "cmdline").replaceAll("\0", " ");
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // The process has exited already.
  }
}
