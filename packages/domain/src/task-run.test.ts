import type { NodeStateName, SessionEnd, TranscriptVerification } from "@samovar/contracts";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CANCELLED, concludeRun, decideRun, isReplaceable, getCancelFailure } from "./task-run.ts";
import type { RunObservation } from "./run-observation.ts";
import type { RunPoll, RunWait } from "./task-run.ts";

const PROOF = { count: 3, digest: "d" };
const AGREED: TranscriptVerification = { agreed: true, claimed: PROOF, stored: PROOF };
const APART: TranscriptVerification = { agreed: false, claimed: PROOF, stored: { count: 2, digest: "e" } };

const END: SessionEnd = {
  outcome: "clean",
  stopReason: "end_turn",
  failure: null,
  branch: "task/1",
  commits: [{ sha: "abc", subject: "Done" }],
  diffStat: { files: 1, insertions: 1, deletions: 0 },
  pushed: true,
  pushError: null,
  summary: "Done.",
  usage: null,
  restarts: 0,
  bundle: null,
  warning: null,
  drained: true,
  digest: PROOF,
};

const OBSERVATION: RunObservation = {
  node: { state: "active", connected: true, downSince: null, failure: null },
  workspace: { state: "creating", branch: null, failure: null },
  session: { startedAt: null, startDelayedAt: null, end: null },
};

const look = (observation: RunObservation | null, more: Partial<RunPoll> = {}): RunPoll => ({
  observation,
  silentSince: null,
  cancelRequested: false,
  overBudget: null,
  deadline: 1000,
  now: 10,
  ...more,
});

const onNode = (state: NodeStateName, connected = true): RunObservation => ({
  ...OBSERVATION,
  node: { state, connected, downSince: null, failure: null },
});
const ended: RunObservation = { ...OBSERVATION, session: { startedAt: 5, startDelayedAt: null, end: END } };

describe("what a run does next", () => {
  it("waits for a node that boots, and goes on when it has connected", () => {
    expect(decideRun("node", look(onNode("provisioning", false)))).toEqual({ kind: "wait", pollBy: null });
    expect(decideRun("node", look(onNode("active", false)))).toEqual({ kind: "wait", pollBy: null });
    expect(decideRun("node", look(onNode("active")))).toEqual({ kind: "reached" });
    expect(decideRun("node", look(onNode("draining")))).toEqual({ kind: "reached" });
  });

  it("[security 39] ends a session when a limit is reached, after a cancel and before a time limit, and no other wait", () => {
    const limit = { costMicros: 1_000_000, tokens: null };
    const overBudget = { scope: "installation_day", limit, spent: { costMicros: 1_000_000, tokens: 5 } } as const;
    for (const wait of ["start", "work"] as const) {
      expect(decideRun(wait, look(onNode("active"), { overBudget, now: 5000 }))).toEqual({
        kind: "over_budget",
        failure: { code: "budget_exceeded", message: expect.stringContaining("$1.00 of today's limit of $1.00") },
      });
      expect(decideRun(wait, look(onNode("active"), { overBudget, cancelRequested: true }))).toEqual({
        kind: "cancelled",
      });
      expect(decideRun(wait, look(ended, { overBudget }))).toEqual({ kind: "reached" });
    }
    for (const wait of ["node", "workspace", "drain", "removal"] as const)
      expect(decideRun(wait, look(onNode("provisioning", false), { overBudget }))).toMatchObject({ kind: "wait" });
  });

  it("[F29] a node that never came up may be replaced; one that is lost later has failed the run", () => {
    const failure = { code: "node_boot_timeout", message: "It never connected." };
    const gone: RunObservation = {
      ...OBSERVATION,
      node: { state: "destroying", connected: false, downSince: null, failure },
    };
    expect(decideRun("node", look(gone))).toEqual({ kind: "node_lost", failure });
    expect(decideRun("work", look(gone))).toEqual({ kind: "failed", failure });
  });

  it("[F30] a node that does not know the workspace is a lost node", () => {
    expect(decideRun("work", look(null))).toMatchObject({ kind: "failed", failure: { code: "node_lost" } });
    expect(decideRun("removal", look(null))).toEqual({ kind: "reached" });
  });

  it("a workspace that can not be made has a reason", () => {
    const failure = { code: "clone_failed", message: "No such repository." };
    const broken: RunObservation = { ...OBSERVATION, workspace: { state: "failed", branch: null, failure } };
    expect(decideRun("workspace", look(broken))).toEqual({ kind: "failed", failure });
  });

  it("[F30] a workspace whose node stopped responding has failed, whatever the run waits for", () => {
    const failure = { code: "node_unreachable", message: "Silent for too long." };
    const silent: RunObservation = {
      ...onNode("draining", false),
      workspace: { state: "failed", branch: "task/1", failure },
    };
    for (const wait of ["start", "work", "drain"] as const) {
      expect(decideRun(wait, look(silent))).toEqual({ kind: "failed", failure });
    }
    // Before the prompt another machine does as well.
    for (const wait of ["node", "workspace"] as const) {
      expect(decideRun(wait, look(silent))).toEqual({ kind: "node_lost", failure });
    }
    expect(decideRun("removal", look(silent))).toEqual({ kind: "reached" });
  });

  it("[T1] a link that is down for half a minute is not waited for before the prompt, later it is", () => {
    const down: RunObservation = {
      ...OBSERVATION,
      node: { state: "active", connected: false, downSince: 1000, failure: null },
    };
    const at = (now: number) => look(down, { now, deadline: 1e6 });
    for (const wait of ["node", "workspace"] as const) {
      expect(decideRun(wait, at(30_999))).toEqual({ kind: "wait", pollBy: 31_000 });
      expect(decideRun(wait, at(31_000))).toMatchObject({ kind: "node_lost", failure: { code: "node_unreachable" } });
    }
    for (const wait of ["start", "work", "drain", "removal"] as const) {
      expect(decideRun(wait, at(300_000))).toEqual({ kind: "wait", pollBy: null });
    }
  });

  it("[T1] treats an object that does not answer the same, and still obeys a cancel", () => {
    const mute = (now: number, cancelRequested = false) =>
      look(null, { silentSince: 1000, now, deadline: 1e6, cancelRequested });
    expect(decideRun("node", mute(2000))).toEqual({ kind: "wait", pollBy: 31_000 });
    expect(decideRun("workspace", mute(31_000))).toMatchObject({ kind: "node_lost" });
    expect(decideRun("work", mute(31_000))).toEqual({ kind: "wait", pollBy: null });
    expect(decideRun("node", mute(2000, true))).toEqual({ kind: "cancelled" });
  });

  it("another machine is tried when one went away, not when the provider refused", () => {
    expect(isReplaceable({ code: "node_boot_timeout", message: "" })).toBe(true);
    expect(isReplaceable({ code: "unauthorized", message: "" })).toBe(false);
  });

  it("an agent that ended before its first sign goes on to its end", () => {
    expect(
      decideRun("start", look({ ...OBSERVATION, session: { startedAt: null, startDelayedAt: null, end: END } })),
    ).toEqual({ kind: "reached" });
  });

  it("[F46] what has ended counts before a cancel, a lost node and a deadline", () => {
    const late: RunObservation = {
      ...ended,
      node: { state: "destroyed", connected: false, downSince: null, failure: null },
    };
    expect(decideRun("work", look(late, { cancelRequested: true, now: 5000 }))).toEqual({ kind: "reached" });
  });

  it("obeys a cancel in every wait except the one that follows it", () => {
    for (const wait of ["node", "workspace", "start", "work"] as const) {
      expect(decideRun(wait, look(onNode("provisioning", false), { cancelRequested: true }))).toEqual({
        kind: "cancelled",
      });
    }
    expect(decideRun("drain", look(OBSERVATION, { cancelRequested: true }))).toEqual({ kind: "wait", pollBy: null });
  });

  const anySight: fc.Arbitrary<RunObservation | null> = fc.option(
    fc.record({
      node: fc.record({
        state: fc.constantFrom<NodeStateName>("provisioning", "active", "warm", "draining", "destroying", "destroyed"),
        connected: fc.boolean(),
        downSince: fc.option(fc.nat(5000)),
        failure: fc.constant(null),
      }),
      workspace: fc.record({
        state: fc.constantFrom("creating" as const, "ready" as const, "failed" as const, "destroyed" as const),
        branch: fc.constant(null),
        failure: fc.constant(null),
      }),
      session: fc.record({
        startedAt: fc.option(fc.nat(100)),
        startDelayedAt: fc.constant(null),
        end: fc.option(fc.constant(END)),
      }),
    }),
  );
  const anyWait = fc.constantFrom<RunWait>("node", "workspace", "start", "work", "drain", "removal");

  it("[T1] [F47] never waits beyond the deadline, whatever it sees", () => {
    fc.assert(
      fc.property(
        anyWait,
        anySight,
        fc.boolean(),
        fc.nat(5000),
        fc.boolean(),
        (wait, seen, cancelRequested, now, mute) => {
          const observation = mute ? null : seen;
          const decision = decideRun(wait, {
            observation,
            silentSince: mute ? 0 : null,
            cancelRequested,
            overBudget: null,
            deadline: 1000,
            now,
          });
          if (now >= 1000) expect(decision.kind).not.toBe("wait");
          else expect(decision.kind).not.toBe("overdue");
        },
      ),
      { numRuns: 5000 },
    );
  });
});

describe("how an attempt ends", () => {
  it("clean, pushed and proven: completed, and the workspace goes", () => {
    expect(concludeRun(END, AGREED, null)).toMatchObject({
      status: "completed",
      failure: null,
      workspace: "remove",
      output: { branch: "task/1", warning: null, transcript: AGREED },
    });
  });

  it("clean with nothing to push is complete as well", () => {
    const idle: SessionEnd = { ...END, commits: [], pushed: false, branch: null };
    expect(concludeRun(idle, AGREED, null)).toMatchObject({
      status: "completed",
      workspace: "remove",
      output: { warning: null },
    });
  });

  it("[F41] a refused push is a warning, and the work is kept", () => {
    const refused: SessionEnd = { ...END, pushed: false, pushError: "protected branch" };
    const conclusion = concludeRun(refused, AGREED, null);
    expect(conclusion).toMatchObject({ status: "completed", workspace: "keep" });
    expect(conclusion.output?.warning).toContain("protected branch");
  });

  it("[F41] what could not even be committed is a warning, and kept", () => {
    const torn: SessionEnd = { ...END, commits: [], branch: null, pushed: false, pushError: "the .git is gone" };
    const conclusion = concludeRun(torn, AGREED, null);
    expect(conclusion).toMatchObject({ status: "completed", workspace: "keep" });
    expect(conclusion.output?.warning).toContain("the .git is gone");
  });

  it("warns about work that exists only in the workspace, and retains the workspace", () => {
    const partly: SessionEnd = { ...END, warning: "More work is on other branches." };
    expect(concludeRun(partly, AGREED, null)).toMatchObject({
      status: "completed",
      workspace: "keep",
      output: { branch: "task/1", warning: "More work is on other branches." },
    });
  });

  it("[F32] a transcript that does not agree is a warning, and the workspace is kept", () => {
    const conclusion = concludeRun({ ...END, drained: false }, APART, null);
    expect(conclusion).toMatchObject({ status: "completed", workspace: "keep" });
    expect(conclusion.output?.warning).toBe("The stored transcript has 2 of 3 messages.");
  });

  it("[R55] an end that was reported before the last message was stored is no warning once the transcripts agree", () => {
    expect(concludeRun({ ...END, drained: false }, AGREED, null)).toMatchObject({
      status: "completed",
      workspace: "remove",
      output: { warning: null },
    });
  });

  it("a transcript that was never closed is a warning, and the workspace is kept", () => {
    const conclusion = concludeRun({ ...END, digest: null, drained: false }, null, null);
    expect(conclusion).toMatchObject({ status: "completed", workspace: "keep" });
    expect(conclusion.output?.warning).toContain("could not be verified");
  });

  it.each(["error", "crashed", "timeout"] as const)("[F39] %s: failed with a reason, workspace kept", (outcome) => {
    expect(concludeRun({ ...END, outcome }, AGREED, null)).toMatchObject({
      status: "failed",
      workspace: "keep",
      failure: { message: expect.stringMatching(/agent/) },
    });
  });

  it("reports the agent's own reason", () => {
    const failure = { code: "agent_error", message: "I gave up." };
    expect(concludeRun({ ...END, outcome: "error", failure }, AGREED, null).failure).toEqual(failure);
  });

  it("[F46] work that was finished before the cancel reached it is completed", () => {
    expect(concludeRun(END, AGREED, CANCELLED).status).toBe("completed");
  });

  it("[F46] what fails while its cancel is on the way is cancelled; without one it has failed", () => {
    const silent: SessionEnd = { ...END, outcome: "timeout" };
    expect(concludeRun(silent, AGREED, getCancelFailure(silent, true))).toMatchObject({
      status: "cancelled",
      failure: CANCELLED,
    });
    expect(concludeRun(silent, AGREED, getCancelFailure(silent, false)).status).toBe("failed");
    expect(getCancelFailure(END, true)).toBeNull();
  });

  it("stopped on request is cancelled; stopped for its time limit is failed", () => {
    const stopped: SessionEnd = { ...END, outcome: "cancelled" };
    expect(concludeRun(stopped, AGREED, CANCELLED).status).toBe("cancelled");
    expect(concludeRun(stopped, AGREED, { code: "task_timeout", message: "too long" })).toMatchObject({
      status: "failed",
      failure: { code: "task_timeout" },
    });
  });
});
