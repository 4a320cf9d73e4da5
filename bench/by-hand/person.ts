/** A person without Samovar: runs the script with the agent that the node has installed. */
import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";
import { idSource, silentLogger, systemClock, systemRandom, type SessionId } from "@samovar/base";
import { AGENTS } from "@samovar/domain/agents";
import { noStartGate } from "@samovar/processes";
import { prepareAgent } from "@samovar/vm-agent/agents/prepare-agent";
import { TreeChecks } from "@samovar/vm-agent/agents/tree-checks";
import { createAgentEnvironment } from "@samovar/vm-agent/session-host/agent-environment";
import { readSurroundings } from "@samovar/vm-agent/session-host/agent-process";
import type { Installation } from "../../tests/harness/installation.ts";
import { listProcesses } from "../../tests/harness/processes.ts";
import { type ByHandJob, type ByHandMarks, byHandMarks } from "./job.ts";

const SCRIPT = join(import.meta.dirname, "script.ts");
const INSTALL_TIMEOUT_MS = 270_000;
const ids = idSource(systemClock, systemRandom);

export interface ByHandOptions {
  /** The installation whose node has the agent. */
  readonly here: Installation;
  readonly repository: string;
  readonly model: { readonly url: string; readonly key: string };
  /** For checkouts, and for the home directory, which persists from run to run. */
  readonly directory: string;
}

export interface ByHandRun {
  readonly marks: ByHandMarks;
  /** From the start of the script's process to its exit. */
  readonly wholeMs: number;
}

/** Resolves once only the run's checkout is left. `name` is unique. */
export async function runByHand(options: ByHandOptions, name: string, prompt: string): Promise<ByHandRun> {
  const sessionId = ids.make("ses");
  const job = await jobOf(options, name, prompt, sessionId);
  const startedAt = performance.now();
  const child = spawn(process.execPath, [SCRIPT], { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.end(JSON.stringify(job));
  const closed = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [code, stdout, stderr] = await Promise.all([closed, text(child.stdout), text(child.stderr)]);
  const wholeMs = performance.now() - startedAt;
  if (code !== 0) throw new Error(`the script by hand ended with ${code}: ${stderr.slice(-2000)}`);
  while ((await listProcesses(`SAMOVAR_SESSION=${sessionId}`)).length > 0) await setTimeout(20);
  return { marks: byHandMarks.parse(JSON.parse(stdout)), wholeMs };
}

async function jobOf(
  { here, repository, model, directory }: ByHandOptions,
  name: string,
  prompt: string,
  sessionId: SessionId,
): Promise<ByHandJob> {
  const { recipe } = AGENTS.claude;
  const home = join(directory, "home");
  const checkout = join(directory, name);
  await mkdir(home, { recursive: true });
  const command = await prepareAgent(recipe, {
    agentsDir: join(here.dataDir, "agents"),
    controlPlaneUrl: here.url,
    trees: new TreeChecks(systemClock),
    timeoutMs: INSTALL_TIMEOUT_MS,
    env: process.env,
    logger: silentLogger,
    signal: new AbortController().signal,
    self: () => [process.execPath, ""],
    starts: noStartGate,
    onDelayed: () => {},
    onRejected: () => {},
  });
  if (!command.ok) throw new Error(command.error.message);
  const agent = { ...recipe, command: command.value };
  const env = createAgentEnvironment(
    { agent, home, checkout, model: null, mark: sessionId },
    { gateway: model, secretEnv: {} },
    readSurroundings({ isRoot: process.getuid?.() === 0 }),
  );
  return { repository, checkout, branch: `by-hand/${name}`, command: command.value, env, prompt };
}
