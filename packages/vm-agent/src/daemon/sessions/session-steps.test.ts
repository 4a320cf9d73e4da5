/** The steps of a session; the model plays hosts that die, stores that refuse, and cancels at any moment. */
import { AGENTS } from "@samovar/domain/agents";
import { idSource, systemClock, systemRandom } from "@samovar/base";
import type { HostStatus } from "@samovar/contracts";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { SessionRow } from "../store/rows.ts";
import type { HostView, SessionFacts, SessionStep } from "./session-steps.ts";
import { nextStep, STEP_LIMITS } from "./session-steps.ts";

const ids = idSource(systemClock, systemRandom);
const LIMITS = { drainTimeoutMs: 45_000 };
const DIGEST = { count: 2, digest: "d" };
const CLEAN = {
  outcome: "clean",
  stopReason: "end_turn",
  failure: null,
  summary: null,
  usage: null,
  restarts: 0,
} as const;
const PUSHED = {
  branch: "task/a",
  commits: [],
  diffStat: null,
  pushed: true,
  pushError: null,
  bundle: null,
  warning: null,
};
const UNCHANGED = {
  branch: null,
  commits: [],
  diffStat: null,
  pushed: false,
  pushError: null,
  bundle: null,
  warning: null,
};

function aSession(change: Partial<SessionRow> = {}): SessionRow {
  const [workspaceId, sessionId] = [ids.make("wsp"), ids.make("ses")];
  const args: SessionRow["args"] = {
    workspaceId,
    sessionId,
    agent: AGENTS.script.recipe,
    model: null,
    permissionMode: null,
    setupTimeoutMs: 60_000,
    prompt: { messageId: ids.messageId(), text: "x" },
    idleTimeoutMs: 1,
    maxDurationMs: 1,
    finish: { commit: true, push: true, commitMessage: "m" },
  };
  return {
    id: sessionId,
    workspaceId,
    args,
    phase: "accepted",
    cancelReason: null,
    startReported: false,
    launches: 0,
    process: null,
    mark: null,
    reportedEnd: null,
    finish: null,
    ...change,
  };
}

function aStatus(change: Partial<HostStatus> = {}): HostStatus {
  const outbox = { pending: 0, deadLetters: 0, lastDeadLetterReason: null };
  return {
    phase: "running",
    pid: 7,
    startedAt: null,
    capabilities: null,
    end: null,
    closed: false,
    drained: true,
    refusedMs: 0,
    outbox,
    digest: DIGEST,
    needsToken: false,
    ...change,
  };
}

function facts(
  session: Partial<SessionRow>,
  host: HostView = { is: "unchecked" },
  change: Partial<SessionFacts> = {},
): SessionFacts {
  return {
    session: aSession(session),
    workspace: { state: "ready" },
    host,
    hostNow: 0,
    unansweredSince: null,
    cancelSentAt: null,
    shutdownSentAt: null,
    closeSent: false,
    ...change,
  };
}
const connected = (status: Partial<HostStatus>): HostView => ({ is: "connected", status: aStatus(status) });
const step = (given: SessionFacts, now = 0) => nextStep(given, now, LIMITS);

describe("before the launch", () => {
  test("launches in a ready workspace, waits for one that is being created, and ends with an error without one", () => {
    expect(step(facts({}))).toEqual({ do: "launch" });
    expect(step(facts({}, undefined, { workspace: { state: "creating" } }))).toEqual({ do: "wait", until: null });
    expect(step(facts({}, undefined, { workspace: null }))).toMatchObject({ do: "end-without-host", outcome: "error" });
  });
  test("[F46] ends a cancelled session without a host", () => {
    expect(step(facts({ cancelReason: "enough" }))).toMatchObject({
      do: "end-without-host",
      outcome: "cancelled",
      failure: { message: "enough" },
    });
  });
});

const silent = (process: "alive" | "dead" | "unknown"): HostView => ({
  is: "silent",
  since: 0,
  triedAt: 0,
  process,
});

describe("a host that does not answer", () => {
  test("[R5] is relaunched at once after its first death, and with growing delays after that", () => {
    expect(step(facts({ phase: "launched", launches: 1 }, silent("dead")))).toEqual({ do: "relaunch" });
    expect(step(facts({ phase: "launched", launches: 2 }, silent("dead")))).toEqual({ do: "wait", until: 400 });
    expect(step(facts({ phase: "launched", launches: 2 }, silent("dead")), 400)).toEqual({ do: "relaunch" });
  });
  test("is given up after the last launch", () => {
    const given = facts({ phase: "launched", launches: STEP_LIMITS.launches }, silent("dead"));
    expect(step(given, 60_000)).toMatchObject({
      do: "end-without-host",
      outcome: "crashed",
      failure: { code: "host_failed" },
    });
  });
  test("[R55] is connected to again while it runs, and killed once the time to answer has passed on its own clock", () => {
    const given = (hostNow: number) =>
      facts({ phase: "launched", launches: 1 }, silent("alive"), { hostNow, unansweredSince: 0 });
    expect(step(given(0), 10)).toEqual({ do: "wait", until: 20 });
    expect(step(given(0), 3_600_000)).toEqual({ do: "connect" });
    expect(step(given(STEP_LIMITS.hostAnswerMs), 60)).toEqual({ do: "kill-host" });
  });
  test("gets a short delay before a relaunch when the system cannot say whether it runs", () => {
    const given = facts({ phase: "launched", launches: 1 }, silent("unknown"));
    expect(step(given, 200)).toEqual({ do: "connect" });
    expect(step(given, STEP_LIMITS.unknownMs)).toEqual({ do: "relaunch" });
  });
  test("[R15] is given up only after the work that it had reported as finished is pushed", () => {
    const reportedEnd = { at: 1, end: CLEAN };
    const lost = { phase: "launched", launches: STEP_LIMITS.launches, reportedEnd } as const;
    expect(step(facts(lost, silent("dead")), 60_000)).toEqual({ do: "finish" });
    expect(step(facts({ ...lost, finish: PUSHED }, silent("dead")), 60_000)).toMatchObject({ do: "end-without-host" });
  });
});

describe("a host that is connected", () => {
  test("[R55] is killed when a command stays unanswered for too long on its own clock, and not before", () => {
    const unanswered = (hostNow: number) =>
      facts({ phase: "launched" }, connected({}), { hostNow, unansweredSince: 100 });
    expect(step(unanswered(100), 7)).toEqual({ do: "wait", until: 7 + STEP_LIMITS.readHostClockMs });
    expect(step(unanswered(100), 3_600_000)).toMatchObject({ do: "wait" });
    expect(step(unanswered(100 + STEP_LIMITS.hostAnswerMs))).toEqual({ do: "kill-host" });
  });
  test("is awaited without a limit while no answer is due", () => {
    expect(step(facts({ phase: "launched" }, connected({})), 3_600_000)).toEqual({ do: "wait", until: null });
  });
});

describe("a host that has ended", () => {
  const ended = (change: Partial<HostStatus> = {}) =>
    connected({ phase: "ended", startedAt: 1, end: CLEAN, ...change });
  const seen = { phase: "launched", startReported: true, reportedEnd: { at: 1000, end: CLEAN } } as const;

  test("has its start reported before its end", () => {
    expect(step(facts({ phase: "launched" }, ended()))).toEqual({ do: "report-started" });
  });
  test("has its end recorded, its work finished, its transcript closed, and then its end reported", () => {
    expect(step(facts({ phase: "launched", startReported: true }, ended()))).toEqual({ do: "record-end" });
    expect(step(facts(seen, ended()))).toEqual({ do: "finish" });
    expect(step(facts({ ...seen, finish: PUSHED }, ended()))).toEqual({ do: "send-close" });
    const sent = { closeSent: true };
    expect(step(facts({ ...seen, finish: PUSHED }, ended(), sent), 2000)).toEqual({ do: "wait", until: null });
    expect(step(facts({ ...seen, finish: PUSHED }, ended({ closed: true }), sent), 2000)).toEqual({ do: "report-end" });
  });
  test("[R2] is never reported as ended before its transcript is closed, however long that takes", () => {
    const open = facts({ ...seen, finish: PUSHED }, ended(), { closeSent: true, hostNow: 3_600_000 });
    expect(step(open, 3_600_000)).toEqual({ do: "wait", until: null });
  });
  test("has nothing finished unless its end is clean", () => {
    const crashed = { at: 1000, end: { ...CLEAN, outcome: "crashed" as const } };
    expect(step(facts({ ...seen, reportedEnd: crashed }, ended()))).toEqual({ do: "send-close" });
    expect(step(facts({ ...seen, reportedEnd: crashed }, ended({ closed: true })))).toEqual({ do: "report-end" });
  });
  test("[R5] keeps the end that it reported first, whatever a relaunched host reports", () => {
    const crashed = ended({ end: { ...CLEAN, outcome: "crashed" }, closed: true });
    expect(step(facts({ ...seen, finish: UNCHANGED }, crashed))).toEqual({ do: "report-end" });
  });
  const undrained = (refusedMs: number) =>
    facts({ ...seen, finish: UNCHANGED }, ended({ closed: true, drained: false, refusedMs }));
  test("[F7] is awaited without a limit while it is not drained, unless the store keeps refusing", () => {
    expect(step(undrained(0), 10_000_000)).toEqual({ do: "wait", until: null });
    expect(step(undrained(LIMITS.drainTimeoutMs - 1), 10_000_000)).toEqual({ do: "wait", until: null });
    expect(step(undrained(LIMITS.drainTimeoutMs))).toEqual({ do: "report-end" });
  });
});

test("[F34] ends and finalizes a session whose workspace was lost with the store", () => {
  const lost = { workspace: null };
  expect(step(facts({ phase: "launched" }, undefined, lost))).toMatchObject({
    do: "end-without-host",
    outcome: "crashed",
  });
  expect(step(facts({ phase: "ended" }, undefined, lost))).toEqual({ do: "finalize" });
});

describe("after the end", () => {
  test("shuts the host down, and finalizes the session when the host is gone", () => {
    expect(step(facts({ phase: "ended" }, connected({})))).toEqual({ do: "send-shutdown" });
    expect(step(facts({ phase: "ended" }, { is: "silent", since: 0, triedAt: 0, process: "dead" }))).toEqual({
      do: "finalize",
    });
  });
  test("[R2] kills a drained host that does not exit, and keeps one that still holds messages until they are delivered", () => {
    const shutDown = { shutdownSentAt: 0, hostNow: STEP_LIMITS.shutdownMs };
    const destroying = { ...shutDown, workspace: { state: "destroying" } } as const;
    expect(step(facts({ phase: "ended" }, connected({}), shutDown))).toEqual({ do: "kill-host" });
    const holding = connected({ drained: false });
    expect(step(facts({ phase: "ended" }, holding, { ...shutDown, hostNow: 3_600_000 }))).toEqual({
      do: "wait",
      until: null,
    });
    expect(step(facts({ phase: "ended" }, holding, destroying))).toEqual({ do: "kill-host" });
  });
});

/** Faults and cancels at random moments. */
const misfortunes = fc.record({
  hostStarts: fc.infiniteStream(fc.boolean()),
  events: fc.array(
    fc.record({
      at: fc.integer({ min: 0, max: 60 }),
      what: fc.constantFrom("kill-host", "kill-daemon", "cancel", "host-ends", "host-starts-work"),
    }),
    { maxLength: 25 },
  ),
  drains: fc.boolean(),
});

test("[R5] [R21] whatever happens, the end is reported exactly once, after the start, and no host is left running", () => {
  fc.assert(
    fc.property(misfortunes, ({ hostStarts, events, drains }) => {
      const world = new World(hostStarts, drains);
      for (let tick = 0; tick < 60; tick++) {
        for (const event of events) if (event.at === tick) world.suffer(event.what);
        world.act();
      }
      world.suffer("host-ends");
      for (let tick = 0; tick < 3000 && world.session.phase !== "finalized"; tick++) {
        world.suffer("host-ends");
        world.act();
      }
      expect(world.session.phase).toBe("finalized");
      expect(world.reported.filter((report) => report === "ended")).toHaveLength(1);
      expect(world.reported.indexOf("started")).toBeLessThan(world.reported.indexOf("ended"));
      expect(world.closedAtEnd).toBe(true);
      expect(world.isHostAlive).toBe(false);
      expect(world.finishes).toBeLessThanOrEqual(1);
    }),
    { numRuns: 500 },
  );
});

/** A model of a host and a store; killing the daemon loses its memory. */
class World {
  session: SessionRow = aSession();
  readonly reported: ("started" | "ended")[] = [];
  finishes = 0;
  closedAtEnd = true;
  isHostAlive = false;
  #now = 0;
  #status: HostStatus | null = null;
  #host: HostView = { is: "unchecked" };
  #unansweredSince: number | null = null;
  #cancelSentAt: number | null = null;
  #shutdownSentAt: number | null = null;
  #closeSent = false;
  readonly #starts: Iterator<boolean>;
  readonly #drains: boolean;

  constructor(starts: Stream, drains: boolean) {
    this.#starts = starts[Symbol.iterator]();
    this.#drains = drains;
  }

  suffer(what: string): void {
    if (what === "kill-host") this.#die();
    if (what === "kill-daemon") this.#forget();
    if (what === "cancel" && this.session.phase !== "finalized")
      this.session = { ...this.session, cancelReason: "enough" };
    if (what === "host-starts-work" && this.#status?.phase === "running") this.#report({ startedAt: this.#now });
    if (what === "host-ends" && this.#status?.phase === "running")
      this.#report({ phase: "ended", end: CLEAN, ...this.#delivery() });
  }

  act(): void {
    const given = {
      session: this.session,
      workspace: { state: "ready" as const },
      host: this.#host,
      hostNow: this.#now,
      unansweredSince: this.#unansweredSince,
      cancelSentAt: this.#cancelSentAt,
      shutdownSentAt: this.#shutdownSentAt,
      closeSent: this.#closeSent,
    };
    this.#perform(nextStep(given, this.#now, LIMITS));
    this.#now += 200;
  }

  #perform(step: SessionStep): void {
    const set = (change: Partial<SessionRow>) => (this.session = { ...this.session, ...change });
    if (step.do === "launch" || step.do === "relaunch") {
      set({ phase: "launched", launches: this.session.launches + 1, process: { pid: 7, startTime: "1" } });
      this.isHostAlive = this.#starts.next().value === true;
      // A host that finds an already started session reports a crash.
      const phase =
        this.session.launches > 1 ? ({ phase: "ended", end: { ...CLEAN, outcome: "crashed" } } as const) : {};
      this.#status = this.isHostAlive ? aStatus({ ...this.#delivery(), ...phase }) : null;
      this.#host = { is: "unchecked" };
    }
    if (step.do === "connect") this.#look();
    if (step.do === "kill-host") this.#die();
    if (step.do === "report-started") {
      this.reported.push("started");
      set({ startReported: true });
    }
    if (step.do === "send-cancel") {
      this.#cancelSentAt = this.#now;
      if (this.#status?.phase === "running") this.#report({ phase: "ended", end: { ...CLEAN, outcome: "cancelled" } });
    }
    if (step.do === "record-end" && this.#status?.end != null)
      set({ reportedEnd: { at: this.#now, end: this.#status.end } });
    if (step.do === "finish") {
      this.finishes++;
      set({ finish: PUSHED });
    }
    if (step.do === "send-close") {
      this.#closeSent = true;
      this.#report({ closed: true, digest: { count: 3, digest: "e" } });
    }
    if (step.do === "report-end") this.closedAtEnd = this.#status?.closed === true;
    if (step.do === "report-end" || step.do === "end-without-host") {
      this.reported.push("ended");
      set({ phase: step.do === "report-end" ? "ended" : "finalized" });
    }
    if (step.do === "send-shutdown") {
      this.#shutdownSentAt = this.#now;
      // A host that holds messages would stay until its workspace is destroyed; the model leaves that out.
      this.#die();
    }
    if (step.do === "finalize") set({ phase: "finalized" });
  }

  /** A store that accepts nothing keeps refusing. */
  #delivery(): Pick<HostStatus, "drained" | "refusedMs"> {
    return { drained: this.#drains, refusedMs: this.#drains ? 0 : LIMITS.drainTimeoutMs };
  }

  #look(): void {
    const since = this.#host.is === "silent" ? this.#host.since : this.#now;
    this.#cancelSentAt = null;
    this.#shutdownSentAt = null;
    this.#closeSent = false;
    this.#host = this.isHostAlive
      ? { is: "connected", status: this.#status }
      : { is: "silent", since, triedAt: this.#now, process: "dead" };
  }

  #report(change: Partial<HostStatus>): void {
    if (this.#status === null) return;
    this.#status = { ...this.#status, ...change };
    if (this.#host.is === "connected") this.#host = { ...this.#host, status: this.#status };
  }

  #die(): void {
    this.isHostAlive = false;
    this.#status = null;
    if (this.#host.is === "connected") this.#host = { is: "unchecked" };
  }

  #forget(): void {
    this.#host = { is: "unchecked" };
    this.#closeSent = false;
    this.#cancelSentAt = null;
    this.#shutdownSentAt = null;
  }
}
type Stream = Iterable<boolean>;
