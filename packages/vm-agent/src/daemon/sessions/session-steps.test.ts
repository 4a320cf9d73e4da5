/** Tests of what is done next for a session; the model plays hosts that die, stores that refuse and cancels at any moment. */
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
const PROOF = { count: 2, digest: "d" };
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
    startedTold: false,
    launches: 0,
    process: null,
    mark: null,
    endSeen: null,
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
    digest: PROOF,
    needsToken: false,
    ...change,
  };
}

function facts(
  session: Partial<SessionRow>,
  host: HostView = { is: "unseen" },
  change: Partial<SessionFacts> = {},
): SessionFacts {
  return {
    session: aSession(session),
    workspace: { state: "ready" },
    host,
    hostNow: 0,
    unansweredSince: null,
    cancelSentAt: null,
    dismissSentAt: null,
    closeSent: false,
    ...change,
  };
}
const connected = (status: Partial<HostStatus>): HostView => ({ is: "connected", status: aStatus(status) });
const step = (given: SessionFacts, now = 0) => nextStep(given, now, LIMITS);

describe("before the launch", () => {
  test("a ready workspace: launch; one that is being made: wait; none: an error", () => {
    expect(step(facts({}))).toEqual({ do: "launch" });
    expect(step(facts({}, undefined, { workspace: { state: "creating" } }))).toEqual({ do: "wait", until: null });
    expect(step(facts({}, undefined, { workspace: null }))).toMatchObject({ do: "end-unheard", outcome: "error" });
  });
  test("[F46] a cancel ends it without a host", () => {
    expect(step(facts({ cancelReason: "enough" }))).toMatchObject({
      do: "end-unheard",
      outcome: "cancelled",
      failure: { message: "enough" },
    });
  });
});

const silent = (process: "alive" | "dead" | "unknown"): HostView => ({
  is: "silent",
  since: 0,
  lookedAt: 0,
  process,
});

describe("a host that is silent", () => {
  test("[R5] is started again at once when it died the first time, and ever later after", () => {
    expect(step(facts({ phase: "launched", launches: 1 }, silent("dead")))).toEqual({ do: "relaunch" });
    expect(step(facts({ phase: "launched", launches: 2 }, silent("dead")))).toEqual({ do: "wait", until: 400 });
    expect(step(facts({ phase: "launched", launches: 2 }, silent("dead")), 400)).toEqual({ do: "relaunch" });
  });
  test("is given up after some launches", () => {
    const given = facts({ phase: "launched", launches: STEP_LIMITS.launches }, silent("dead"));
    expect(step(given, 60_000)).toMatchObject({
      do: "end-unheard",
      outcome: "crashed",
      failure: { code: "host_failed" },
    });
  });
  test("[R55] is looked for while it runs, and killed once it has had the time to answer on its own clock", () => {
    const given = (hostNow: number) =>
      facts({ phase: "launched", launches: 1 }, silent("alive"), { hostNow, unansweredSince: 0 });
    expect(step(given(0), 10)).toEqual({ do: "wait", until: 20 });
    expect(step(given(0), 3_600_000)).toEqual({ do: "look" });
    expect(step(given(STEP_LIMITS.hostAnswerMs), 60)).toEqual({ do: "kill-host" });
  });
  test("that the system cannot find gets a moment before another is started", () => {
    const given = facts({ phase: "launched", launches: 1 }, silent("unknown"));
    expect(step(given, 200)).toEqual({ do: "look" });
    expect(step(given, STEP_LIMITS.unknownMs)).toEqual({ do: "relaunch" });
  });
  test("[R15] is given up only after the work that it had reported finished is pushed", () => {
    const endSeen = { at: 1, end: CLEAN };
    const lost = { phase: "launched", launches: STEP_LIMITS.launches, endSeen } as const;
    expect(step(facts(lost, silent("dead")), 60_000)).toEqual({ do: "finish" });
    expect(step(facts({ ...lost, finish: PUSHED }, silent("dead")), 60_000)).toMatchObject({ do: "end-unheard" });
  });
});

describe("a host that is connected", () => {
  test("[R55] is killed when it leaves a command unanswered for too long on its own clock, and not before", () => {
    const owing = (hostNow: number) => facts({ phase: "launched" }, connected({}), { hostNow, unansweredSince: 100 });
    expect(step(owing(100), 7)).toEqual({ do: "wait", until: 7 + STEP_LIMITS.readHostClockMs });
    expect(step(owing(100), 3_600_000)).toMatchObject({ do: "wait" });
    expect(step(owing(100 + STEP_LIMITS.hostAnswerMs))).toEqual({ do: "kill-host" });
  });
  test("is waited for without a limit while it owes no answer", () => {
    expect(step(facts({ phase: "launched" }, connected({})), 3_600_000)).toEqual({ do: "wait", until: null });
  });
});

describe("a host that has ended", () => {
  const ended = (change: Partial<HostStatus> = {}) =>
    connected({ phase: "ended", startedAt: 1, end: CLEAN, ...change });
  const seen = { phase: "launched", startedTold: true, endSeen: { at: 1000, end: CLEAN } } as const;

  test("its start is told before its end", () => {
    expect(step(facts({ phase: "launched" }, ended()))).toEqual({ do: "tell-started" });
  });
  test("its end is written down, the work is finished, told in the transcript, then told for good", () => {
    expect(step(facts({ phase: "launched", startedTold: true }, ended()))).toEqual({ do: "note-end" });
    expect(step(facts(seen, ended()))).toEqual({ do: "finish" });
    expect(step(facts({ ...seen, finish: PUSHED }, ended()))).toEqual({ do: "send-close" });
    const sent = { closeSent: true };
    expect(step(facts({ ...seen, finish: PUSHED }, ended(), sent), 2000)).toEqual({ do: "wait", until: null });
    expect(step(facts({ ...seen, finish: PUSHED }, ended({ closed: true }), sent), 2000)).toEqual({ do: "tell-end" });
  });
  test("[R2] the end is never reported before the transcript is closed, however long that takes", () => {
    const open = facts({ ...seen, finish: PUSHED }, ended(), { closeSent: true, hostNow: 3_600_000 });
    expect(step(open, 3_600_000)).toEqual({ do: "wait", until: null });
  });
  test("unless clean, nothing is finished", () => {
    const crashed = { at: 1000, end: { ...CLEAN, outcome: "crashed" as const } };
    expect(step(facts({ ...seen, endSeen: crashed }, ended()))).toEqual({ do: "send-close" });
    expect(step(facts({ ...seen, endSeen: crashed }, ended({ closed: true })))).toEqual({ do: "tell-end" });
  });
  test("[R5] what was seen first counts, whatever a host says that was started again", () => {
    const crashed = ended({ end: { ...CLEAN, outcome: "crashed" }, closed: true });
    expect(step(facts({ ...seen, finish: UNCHANGED }, crashed))).toEqual({ do: "tell-end" });
  });
  const undrained = (refusedMs: number) =>
    facts({ ...seen, finish: UNCHANGED }, ended({ closed: true, drained: false, refusedMs }));
  test("[F7] undrained, it is waited for without a limit, unless the store goes on refusing", () => {
    expect(step(undrained(0), 10_000_000)).toEqual({ do: "wait", until: null });
    expect(step(undrained(LIMITS.drainTimeoutMs - 1), 10_000_000)).toEqual({ do: "wait", until: null });
    expect(step(undrained(LIMITS.drainTimeoutMs))).toEqual({ do: "tell-end" });
  });
});

test("[F34] a session whose workspace was lost with the store ends, and is remembered no more", () => {
  const lost = { workspace: null };
  expect(step(facts({ phase: "launched" }, undefined, lost))).toMatchObject({ do: "end-unheard", outcome: "crashed" });
  expect(step(facts({ phase: "ended" }, undefined, lost))).toEqual({ do: "settle" });
});

describe("after the end", () => {
  test("the host is dismissed, and remembered no more when it is gone", () => {
    expect(step(facts({ phase: "ended" }, connected({})))).toEqual({ do: "send-dismiss" });
    expect(step(facts({ phase: "ended" }, { is: "silent", since: 0, lookedAt: 0, process: "dead" }))).toEqual({
      do: "settle",
    });
  });
  test("[R2] a drained host that does not leave is killed; one that still holds messages stays until they are delivered", () => {
    const dismissed = { dismissSentAt: 0, hostNow: STEP_LIMITS.dismissMs };
    const destroying = { ...dismissed, workspace: { state: "destroying" } } as const;
    expect(step(facts({ phase: "ended" }, connected({}), dismissed))).toEqual({ do: "kill-host" });
    const holding = connected({ drained: false });
    expect(step(facts({ phase: "ended" }, holding, { ...dismissed, hostNow: 3_600_000 }))).toEqual({
      do: "wait",
      until: null,
    });
    expect(step(facts({ phase: "ended" }, holding, destroying))).toEqual({ do: "kill-host" });
  });
});

/** Hosts and people as the worst of luck would have them. */
const luck = fc.record({
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

test("[R5] [R21] whatever happens, the end is told exactly once, after the start, and the host is gone in the end", () => {
  fc.assert(
    fc.property(luck, ({ hostStarts, events, drains }) => {
      const world = new World(hostStarts, drains);
      for (let tick = 0; tick < 60; tick++) {
        for (const event of events) if (event.at === tick) world.suffer(event.what);
        world.act();
      }
      world.suffer("host-ends");
      for (let tick = 0; tick < 3000 && world.session.phase !== "dismissed"; tick++) {
        world.suffer("host-ends");
        world.act();
      }
      expect(world.session.phase).toBe("dismissed");
      expect(world.told.filter((word) => word === "ended")).toHaveLength(1);
      expect(world.told.indexOf("started")).toBeLessThan(world.told.indexOf("ended"));
      expect(world.closedAtEnd).toBe(true);
      expect(world.isHostAlive).toBe(false);
      expect(world.finishes).toBeLessThanOrEqual(1);
    }),
    { numRuns: 500 },
  );
});

/** A host and a store in a few lines; the memory of the daemon is lost when it is killed. */
class World {
  session: SessionRow = aSession();
  readonly told: ("started" | "ended")[] = [];
  finishes = 0;
  closedAtEnd = true;
  isHostAlive = false;
  #now = 0;
  #status: HostStatus | null = null;
  #host: HostView = { is: "unseen" };
  #unansweredSince: number | null = null;
  #cancelSentAt: number | null = null;
  #dismissSentAt: number | null = null;
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
    if (what === "cancel" && this.session.phase !== "dismissed")
      this.session = { ...this.session, cancelReason: "enough" };
    if (what === "host-starts-work" && this.#status?.phase === "running") this.#tell({ startedAt: this.#now });
    if (what === "host-ends" && this.#status?.phase === "running")
      this.#tell({ phase: "ended", end: CLEAN, ...this.#delivery() });
  }

  act(): void {
    const given = {
      session: this.session,
      workspace: { state: "ready" as const },
      host: this.#host,
      hostNow: this.#now,
      unansweredSince: this.#unansweredSince,
      cancelSentAt: this.#cancelSentAt,
      dismissSentAt: this.#dismissSentAt,
      closeSent: this.#closeSent,
    };
    this.#take(nextStep(given, this.#now, LIMITS));
    this.#now += 200;
  }

  #take(step: SessionStep): void {
    const set = (change: Partial<SessionRow>) => (this.session = { ...this.session, ...change });
    if (step.do === "launch" || step.do === "relaunch") {
      set({ phase: "launched", launches: this.session.launches + 1, process: { pid: 7, startTime: "1" } });
      this.isHostAlive = this.#starts.next().value === true;
      // A host that finds a session that began before says that it crashed.
      const phase =
        this.session.launches > 1 ? ({ phase: "ended", end: { ...CLEAN, outcome: "crashed" } } as const) : {};
      this.#status = this.isHostAlive ? aStatus({ ...this.#delivery(), ...phase }) : null;
      this.#host = { is: "unseen" };
    }
    if (step.do === "look") this.#look();
    if (step.do === "kill-host") this.#die();
    if (step.do === "tell-started") {
      this.told.push("started");
      set({ startedTold: true });
    }
    if (step.do === "send-cancel") {
      this.#cancelSentAt = this.#now;
      if (this.#status?.phase === "running") this.#tell({ phase: "ended", end: { ...CLEAN, outcome: "cancelled" } });
    }
    if (step.do === "note-end" && this.#status?.end != null) set({ endSeen: { at: this.#now, end: this.#status.end } });
    if (step.do === "finish") {
      this.finishes++;
      set({ finish: PUSHED });
    }
    if (step.do === "send-close") {
      this.#closeSent = true;
      this.#tell({ closed: true, digest: { count: 3, digest: "e" } });
    }
    if (step.do === "tell-end") this.closedAtEnd = this.#status?.closed === true;
    if (step.do === "tell-end" || step.do === "end-unheard") {
      this.told.push("ended");
      set({ phase: step.do === "tell-end" ? "ended" : "dismissed" });
    }
    if (step.do === "send-dismiss") {
      this.#dismissSentAt = this.#now;
      // One that holds messages stays until its workspace goes; that is not played here.
      this.#die();
    }
    if (step.do === "settle") set({ phase: "dismissed" });
  }

  /** A store that takes nothing goes on refusing. */
  #delivery(): Pick<HostStatus, "drained" | "refusedMs"> {
    return { drained: this.#drains, refusedMs: this.#drains ? 0 : LIMITS.drainTimeoutMs };
  }

  #look(): void {
    const since = this.#host.is === "silent" ? this.#host.since : this.#now;
    this.#cancelSentAt = null;
    this.#dismissSentAt = null;
    this.#closeSent = false;
    this.#host = this.isHostAlive
      ? { is: "connected", status: this.#status }
      : { is: "silent", since, lookedAt: this.#now, process: "dead" };
  }

  #tell(change: Partial<HostStatus>): void {
    if (this.#status === null) return;
    this.#status = { ...this.#status, ...change };
    if (this.#host.is === "connected") this.#host = { ...this.#host, status: this.#status };
  }

  #die(): void {
    this.isHostAlive = false;
    this.#status = null;
    if (this.#host.is === "connected") this.#host = { is: "unseen" };
  }

  #forget(): void {
    this.#host = { is: "unseen" };
    this.#closeSent = false;
    this.#cancelSentAt = null;
    this.#dismissSentAt = null;
  }
}
type Stream = Iterable<boolean>;
