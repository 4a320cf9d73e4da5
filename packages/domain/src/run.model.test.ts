/** Random users, nodes, signals and times against one task's whole run: it ends once, in time, and for the true reason. */
import type { SessionId, WorkspaceId } from "@samovar/base";
import type { NodeEventDraft, SessionEnd, SessionOutcome } from "@samovar/contracts";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LONGEST_ATTEMPT_MS, RunWorld, USER, WAITS } from "./run-world.testing.ts";
import { A_DRAFT } from "./task-record.testing.ts";
import { isTerminal } from "./task-status.ts";
import type { TaskChange } from "./task-status.ts";

type ReportedEvent = (workspaceId: WorkspaceId, sessionId: SessionId) => NodeEventDraft;

const end = (outcome: SessionOutcome): SessionEnd => ({
  outcome,
  stopReason: "end_turn",
  failure: outcome === "clean" ? null : { code: "agent", message: "The agent failed." },
  branch: "task/1",
  commits: [],
  diffStat: null,
  pushed: outcome === "clean",
  pushError: null,
  bundle: null,
  warning: null,
  summary: null,
  usage: null,
  restarts: 0,
  drained: true,
  digest: { count: 1, digest: "d" },
});

const REPORTED = {
  ready: (workspaceId) => ({ kind: "workspace.ready", workspaceId, branch: "task/1", baseCommit: "abc" }),
  unready: (workspaceId) => ({
    kind: "workspace.failed",
    workspaceId,
    failure: { code: "clone_failed", message: "No such repository." },
  }),
  removed: (workspaceId) => ({ kind: "workspace.destroyed", workspaceId }),
  started: (workspaceId, sessionId) => ({ kind: "session.started", workspaceId, sessionId, capabilities: null }),
  clean: (workspaceId, sessionId) => ({ kind: "session.ended", workspaceId, sessionId, end: end("clean") }),
  crashed: (workspaceId, sessionId) => ({ kind: "session.ended", workspaceId, sessionId, end: end("crashed") }),
  stopped: (workspaceId, sessionId) => ({ kind: "session.ended", workspaceId, sessionId, end: end("cancelled") }),
  "timed out": (workspaceId, sessionId) => ({ kind: "session.ended", workspaceId, sessionId, end: end("timeout") }),
} as const satisfies Record<string, ReportedEvent>;

type Plain = "run" | "cancel" | "edit" | "connect" | "cut" | "drain" | "destroy" | "wake" | "lose the run" | "go on";
type Action =
  | { readonly do: Plain }
  | { readonly do: "report"; readonly what: keyof typeof REPORTED; readonly whose: "present" | "earlier" }
  | { readonly do: "repeat"; readonly change: TaskChange; readonly which: "this" | "earlier" }
  | { readonly do: "capacity"; readonly is: boolean }
  | { readonly do: "signals"; readonly is: boolean }
  | { readonly do: "wait"; readonly ms: number };

const plain = (weight: number, ...names: Plain[]) => ({
  weight,
  arbitrary: fc.constantFrom(...names).map((name): Action => ({ do: name })),
});
const reports = fc.constantFrom(...(Object.keys(REPORTED) as (keyof typeof REPORTED)[]));
const failure = { code: "late", message: "Too late." };
const anyRepeat = fc.record({
  do: fc.constant("repeat" as const),
  which: fc.constantFrom("this" as const, "earlier" as const),
  change: fc.constantFrom<TaskChange>(
    { kind: "start" },
    { kind: "fail", failure, output: null },
    { kind: "stop", failure, output: null },
    { kind: "requeue", reason: "again" },
    { kind: "name_branch", branch: "task/1-9" },
  ),
});
const anyAction: fc.Arbitrary<Action> = fc.oneof(
  plain(12, "go on"),
  plain(3, "run"),
  plain(2, "cancel", "edit"),
  plain(8, "connect"),
  plain(2, "cut", "drain", "destroy", "wake"),
  plain(1, "lose the run"),
  {
    weight: 16,
    arbitrary: fc.record({
      do: fc.constant("report" as const),
      what: fc.oneof(fc.constantFrom("ready" as const, "started" as const), reports),
      whose: fc.constantFrom("present" as const, "present" as const, "earlier" as const),
    }),
  },
  { weight: 3, arbitrary: anyRepeat },
  { weight: 1, arbitrary: fc.boolean().map((is): Action => ({ do: "capacity", is })) },
  { weight: 1, arbitrary: fc.boolean().map((is): Action => ({ do: "signals", is })) },
  {
    weight: 8,
    arbitrary: fc
      .oneof(fc.nat(2_000), fc.nat(60_000), fc.nat(WAITS.workspace), fc.nat(WAITS.work))
      .map((ms): Action => ({ do: "wait", ms })),
  },
);

/** Moves a run one step forward, but not to its end. */
function goOn(world: RunWorld): void {
  world.pass(0);
  if (world.at === "node" || world.at === "workspace") world.node({ kind: "agent.connected" });
  if (world.at === "workspace") world.report(REPORTED.ready, "present");
  else if (world.at === "start") world.report(REPORTED.started, "present");
  world.pass(1_000);
}

function act(world: RunWorld, action: Action): void {
  switch (action.do) {
    case "run":
      return world.run(USER);
    case "cancel":
      return world.cancel(USER);
    case "edit":
      world.change({ kind: "edit", fields: { title: "Another", priority: 1 } }, USER);
      return;
    case "connect":
      return world.node({ kind: "agent.connected" });
    case "cut":
      return world.node({ kind: "link.lost" });
    case "drain":
      return world.node({ kind: "drain.requested", reason: "asked" });
    case "destroy":
      return world.node({ kind: "destroy.requested", reason: "asked" });
    case "wake":
      return world.signal();
    case "go on":
      return goOn(world);
    case "lose the run":
      return world.loseRun();
    case "report":
      return world.report(REPORTED[action.what], action.whose);
    case "repeat":
      return world.repeat(action.change, action.which);
    case "capacity":
      world.hasCapacity = action.is;
      return;
    case "signals":
      world.receivesSignals = action.is;
      return;
    case "wait":
      return world.pass(action.ms);
  }
}

const anyActions = fc.array(anyAction, { maxLength: 50 });

describe("[T1] a task's whole run", () => {
  it("ends once and by its deadline, wherever events stop coming, and late events change nothing", () => {
    fc.assert(
      fc.property(anyActions, anyActions, (before, late) => {
        const world = new RunWorld(A_DRAFT);
        world.run(USER);
        for (const action of before) act(world, action);
        world.pass(LONGEST_ATTEMPT_MS);
        const ended = world.task;
        expect(isTerminal(ended.status), `still ${ended.status}`).toBe(true);
        for (const action of late) if (action.do !== "run") act(world, action);
        world.pass(LONGEST_ATTEMPT_MS);
        expect(world.task).toEqual(ended);
      }),
      { numRuns: 1_500 },
    );
  });

  it("[R12] reaches every ending from every status that can lead to it", () => {
    const seen = new Set<string>();
    const sample = fc.sample(anyActions, { numRuns: 1_000, seed: 7 });
    for (const actions of sample) {
      const world = new RunWorld(A_DRAFT);
      world.run(USER);
      for (const action of actions) act(world, action);
      world.pass(LONGEST_ATTEMPT_MS);
      for (const { from, to } of world.moves) seen.add(`${from} → ${to}`);
    }
    for (const from of ["queued", "delegated", "in_progress"])
      for (const to of ["failed", "cancelled"]) expect(seen).toContain(`${from} → ${to}`);
    expect(seen).toContain("in_progress → completed");
    expect(seen).toContain("delegated → queued");
  });

  it("[F46] is cancelled in time from any moment, unless it has already ended", () => {
    fc.assert(
      fc.property(anyActions, (before) => {
        const world = new RunWorld(A_DRAFT);
        world.run(USER);
        for (const action of before) act(world, action);
        if (isTerminal(world.task.status)) return;
        world.receivesSignals = true;
        act(world, { do: "cancel" });
        world.pass(WAITS.drain + 16 * 60_000);
        expect(isTerminal(world.task.status), `still ${world.task.status}`).toBe(true);
      }),
      { numRuns: 600 },
    );
  });

  it("fails when the node sends heartbeats but reports nothing more: inactivity is never success", () => {
    for (const upTo of [[], ["ready"], ["ready", "started"]] as const) {
      const world = new RunWorld(A_DRAFT);
      world.run(USER);
      world.pass(0);
      world.node({ kind: "agent.connected" });
      for (const what of upTo) world.report(REPORTED[what], "present");
      for (let beats = 0; beats < 24 * 60 && !isTerminal(world.task.status); beats++) {
        world.node({ kind: "agent.connected" });
        world.signal();
        world.pass(60_000);
      }
      expect(world.task.status, upTo.join(", ")).toBe("failed");
    }
  });
});
