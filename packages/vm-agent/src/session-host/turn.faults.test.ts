/**
 * Agents that crash, hang, flood and fork at random moments, as real processes under a real host: each session has one end
 * with the true reason, its messages are stored once, and no process is left running. A failing seed names its plan.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inSeries } from "@samovar/testing/series";
import * as fc from "fast-check";
import { expect, it, vi } from "vitest";
import type { HostStatus } from "@samovar/contracts";
import { aLaunch, aToken, openHost, findSessionProcesses, scriptAgent, startStore } from "./host.testing.ts";

const SEEDS = inSeries({ short: 9, long: 24 });
const AT_ONCE = 3;
vi.setConfig({ testTimeout: 120_000 });

type ResumeSupport = "resume" | "load" | "none";
type Ending = "none" | "crash" | "crash once" | "hang" | "fail";

interface Plan {
  readonly steps: readonly string[];
  readonly ending: Ending;
  readonly resume: ResumeSupport;
  /** Milliseconds after the session's start at which the agent is killed; null: never. */
  readonly killAfterMs: number | null;
}

const fence = (info: string, body = "") => `\`\`\`${info}\n${body}\n\`\`\``;
const STEPS = [
  fence("say", "One, two, three."),
  fence("think", "Hm."),
  fence("plan", "- [ ] brew\n- [ ] pour"),
  fence("write a.txt", "tea"),
  fence("sh", "echo ran >> ran"),
  fence("stream 900"),
  // Floods: far more output than is kept.
  fence("sh", "seq 300000"),
  // Forks: out of its process group and session, ignoring signals, with the pipe still open.
  fence(
    "sh",
    "setsid sh -c 'trap \"\" TERM HUP INT; echo $$ >> leftovers; sleep 600' & until [ -s leftovers ]; do :; done",
  ),
  fence("sh continue", "trap '' TERM; for i in 1 2 3; do sleep 600 & done; exit 3"),
];

const plans = fc.record({
  steps: fc.array(fc.constantFrom(...STEPS), { minLength: 1, maxLength: 5 }),
  ending: fc.constantFrom<Ending>("none", "none", "crash", "crash once", "hang", "fail"),
  resume: fc.constantFrom<ResumeSupport>("resume", "resume", "load", "none"),
  killAfterMs: fc.option(fc.integer({ min: 0, max: 500 }), { freq: 2 }),
});

it(
  `[F39][F40] ends ${SEEDS} agents that crash, hang, flood and fork once, with the true reason, nothing lost and nothing left running`,
  { timeout: 120_000 },
  async () => {
    const seed = 20_261_122;
    const drawn = [...fc.sample(plans, { seed, numRuns: SEEDS }).entries()];
    const ends: HostStatus[] = [];
    const worker = async () => {
      for (let next = drawn.shift(); next !== undefined; next = drawn.shift()) {
        const [index, plan] = next;
        const end = await check(plan).catch((error: unknown) => {
          throw new Error(`plan ${index} of seed ${seed}: ${JSON.stringify(plan)}`, { cause: error });
        });
        ends.push(end);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    expect(ends).toHaveLength(SEEDS);
    // The seed must draw each of these outcomes, or the test would prove nothing about them.
    const outcomes = ends.map(({ end }) => end?.outcome);
    expect(outcomes).toEqual(expect.arrayContaining(["clean", "crashed", "timeout"]));
  },
);

/** Runs one plan; returns the host's last status. */
async function check(plan: Plan): Promise<HostStatus> {
  const prompt = [
    ...plan.steps,
    ...(plan.ending === "none" ? [] : [fence(plan.ending, "out of tea").replace("hang\nout of tea", "hang")]),
  ];
  const agent = {
    kind: "script",
    command: scriptAgent,
    env: { SCRIPT_AGENT_RECALL: plan.resume },
    gateway: null,
    secretEnv: false,
  };
  const { directory, launch } = aLaunch("http://127.0.0.1:9", prompt.join("\n"), { agent, idleTimeoutMs: 700 });
  const store = await startStore(launch.sessionId);
  writeFileSync(join(directory, "host.json"), JSON.stringify({ ...launch, controlPlaneUrl: store.url }));
  const host = await openHost(directory);
  try {
    const ends = new Set<string>();
    void host.until(({ end }) => {
      if (end !== null) ends.add(JSON.stringify(end));
      return false;
    });
    host.send(aToken());
    const killed = plan.killAfterMs !== null && (await killAgent(launch.sessionId, plan.killAfterMs, host.until));
    const status = await host.until(({ phase, drained }) => phase === "ended" && drained);
    host.send({ type: "shutdown" });
    expect(await host.exited).toBe(0);
    expect(ends.size).toBe(1);
    expect(status.digest).toEqual(store.digest());
    expect(status.outbox).toMatchObject({ pending: 0, deadLetters: 0 });
    expect(store.conflicts).toBe(0);
    const transcript = store.transcript();
    expect(transcript.every(({ final }) => final)).toBe(true);
    await vi.waitFor(() => expect(findSessionProcesses(launch.sessionId)).toEqual([]));
    expect(existsSync(join(directory, "host.sock"))).toBe(false);
    expectTrueReason(status, plan, killed, readFileSync(join(directory, "host.log"), "utf8"));
    const delivered = transcript.filter(({ content }) => content === "One, two, three.").length;
    const expected = plan.steps.filter((step) => step.includes("One, two")).length;
    if (status.end?.outcome === "clean") expect(delivered).toBeGreaterThanOrEqual(expected);
    if (!killed) expect(delivered).toBe(expected);
    return status;
  } finally {
    store.close();
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Returns whether there was an agent to kill. */
async function killAgent(
  sessionId: string,
  afterMs: number,
  until: (matches: (status: HostStatus) => boolean) => Promise<HostStatus>,
): Promise<boolean> {
  const ended = until(({ phase }) => phase === "ended").then(() => "ended");
  await Promise.race([until(({ startedAt }) => startedAt !== null), ended]);
  const moment = new Promise((resolve) => setTimeout(resolve, afterMs));
  if ((await Promise.race([moment, ended])) === "ended") return false;
  const agents = findSessionProcesses(sessionId).filter((pid) => readCommandLine(pid).includes("script-agent"));
  for (const pid of agents) process.kill(pid, "SIGKILL");
  return agents.length > 0;
}

function readCommandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

/** The reason matches what happened to the agent, and a crash includes the tail of its stderr. */
function expectTrueReason({ end }: HostStatus, plan: Plan, killed: boolean, log: string): void {
  const canResume = plan.resume !== "none";
  const ends: Record<Ending, { readonly outcome: string; readonly code: string | null; readonly dies: number }> = {
    none: { outcome: "clean", code: null, dies: 0 },
    "crash once": { outcome: canResume ? "clean" : "crashed", code: canResume ? null : "agent_crashed", dies: 1 },
    crash: { outcome: "crashed", code: "agent_crashed", dies: canResume ? 2 : 1 },
    hang: { outcome: "timeout", code: "agent_silent", dies: 0 },
    fail: { outcome: "error", code: "agent_error", dies: 0 },
  };
  const expected = ends[plan.ending];
  const isCrash = end?.failure?.code === "agent_crashed";
  expect(end?.restarts).toBeLessThanOrEqual(canResume ? 1 : 0);
  if (!killed) {
    expect(end).toMatchObject({ outcome: expected.outcome, restarts: canResume ? Math.min(1, expected.dies) : 0 });
    expect(end?.failure?.code ?? null).toBe(expected.code);
    if (isCrash) expect(end?.failure?.message).toMatch(/last output: .*out of tea/);
  } else {
    // The kill comes on top: it ends an agent that cannot resume or that had crashed already.
    expect([expected.outcome, "crashed"]).toContain(end?.outcome);
    if (isCrash) expect(end?.failure?.message).toMatch(/signal SIGKILL|last output: .*out of tea/);
    if (isCrash && canResume) expect(log).toContain("agent.lost");
  }
}
