/** Random lives of one node against a provider that loses answers: the invariants hold after every step. */
import type { NodeId, ProjectId, RunId, SessionId, WorkspaceId } from "@samovar/base";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { NodeEffect, NodeLifecycleEvent } from "./node-lifecycle.ts";
import { reserveSlot, stepNode } from "./node-lifecycle.ts";
import type { NodeRecord, NodeSettings, SlotLease } from "./node-record.ts";
import { deriveAlarms, isAlive, newNode, countTakenSlots } from "./node-record.ts";

const settings: NodeSettings = {
  slots: 3,
  retainedWithoutSlot: 2,
  idleGraceMs: 1_000,
  warmTimeoutMs: 30_000,
  maxLifetimeMs: 300_000,
  hardLifetimeMs: 600_000,
  bootTimeoutMs: 60_000,
  unreachableTimeoutMs: 20_000,
};

const lease = (n: number): SlotLease => ({
  workspaceId: `wsp_${n}` as WorkspaceId,
  taskId: null,
  runId: `run_${n}` as RunId,
  projectId: "prj_1" as ProjectId,
  sessionId: `ses_${n}` as SessionId,
});

/** How the provider takes the next call: as it should, doing it but losing the answer, refusing, or refusing for good. */
type Fate = "works" | "answer_lost" | "refused" | "forbidden";
type Action =
  | { kind: "reserve"; n: number }
  | { kind: "release"; n: number }
  | { kind: "keep"; n: number }
  | { kind: "connect" }
  | { kind: "prepare" }
  | { kind: "cut" }
  | { kind: "outdated" }
  | { kind: "drain" }
  | { kind: "destroy" }
  | { kind: "restart" }
  | { kind: "wait"; ms: number; fate: Fate }
  | { kind: "ring_again"; name: "warm" | "idle" | "boot" | "provider" | "unreachable" };

const fate = fc.constantFrom<Fate>("works", "works", "answer_lost", "refused", "forbidden");
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("reserve" as const), n: fc.integer({ min: 0, max: 6 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("release" as const), n: fc.integer({ min: 0, max: 6 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("keep" as const), n: fc.integer({ min: 0, max: 6 }) }) },
  { weight: 3, arbitrary: fc.constant({ kind: "connect" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "prepare" as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: "cut" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "outdated" as const }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom({ kind: "drain" as const }, { kind: "destroy" as const }, { kind: "restart" as const }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 90_000 }), fate }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("ring_again" as const),
      name: fc.constantFrom(
        "warm" as const,
        "idle" as const,
        "boot" as const,
        "provider" as const,
        "unreachable" as const,
      ),
    }),
  },
);

class World {
  now = 0;
  record: NodeRecord = newNode("nod_1" as NodeId, lease(0), 0, settings);
  /** Whether a server of our name exists, and is being deleted. */
  server: "none" | "there" | "going" = "none";
  askedToEnd = false;
  fate: Fate = "works";

  step(event: NodeLifecycleEvent): void {
    const before = this.record;
    const { record, effects } = stepNode(before, event, this.now, settings);
    this.record = record;
    this.check(before);
    for (const effect of effects) this.run(effect);
  }

  run(effect: NodeEffect): void {
    if (!effect.kind.startsWith("provider.")) return;
    const failure = { code: "provider_unavailable", message: "no answer" };
    const unanswered = this.fate === "answer_lost";
    const refusedEvent: NodeLifecycleEvent =
      effect.kind === "provider.create"
        ? { kind: "create.failed", refusal: { failure, retriable: this.fate !== "forbidden", retryAfterMs: null } }
        : { kind: "provider.failed", failure, retryAfterMs: null };
    if (this.fate === "refused" || this.fate === "forbidden") return this.step(refusedEvent);
    const answer = this.provide(effect);
    if (!unanswered) this.step(answer);
  }

  provide(effect: NodeEffect): NodeLifecycleEvent {
    const facts = { id: "42", location: null, pricePerHour: null };
    if (effect.kind === "provider.create") {
      if (this.server === "none") this.server = "there";
      return { kind: "server.made", server: facts };
    }
    if (effect.kind === "provider.find")
      return this.server === "none" ? { kind: "server.absent" } : { kind: "server.made", server: facts };
    const was = this.server;
    this.server = was === "there" ? "going" : "none";
    return was === "none" ? { kind: "server.gone" } : { kind: "delete.accepted" };
  }

  /** Lets time pass, ringing each alarm when it is due. */
  wait(ms: number): void {
    const until = this.now + ms;
    for (;;) {
      const [first] = [...deriveAlarms(this.record, settings)].toSorted((a, b) => a[1] - b[1]);
      if (first === undefined || first[1] > until) break;
      this.now = Math.max(this.now, first[1]);
      this.step({ kind: "alarm", name: first[0] });
    }
    this.now = until;
  }

  act(action: Action): void {
    const before = this.record;
    switch (action.kind) {
      case "reserve": {
        const { record, reply } = reserveSlot(before, lease(action.n), this.now, settings);
        this.record = record;
        if (reply.granted) expect(isAlive(record), "granted on a living node").toBe(true);
        return this.check(before);
      }
      case "release":
        return this.step({ kind: "slot.released", workspaceId: lease(action.n).workspaceId });
      case "keep":
        return this.step({ kind: "slot.retained", workspaceId: lease(action.n).workspaceId });
      case "connect":
        return this.step({ kind: "agent.connected" });
      case "prepare":
        return this.step({ kind: "agent.preparing" });
      case "cut":
        return this.step({ kind: "link.lost" });
      case "outdated":
        this.askedToEnd ||= before.link.kind !== "up";
        return this.step({ kind: "agent.outdated" });
      case "drain":
        return this.step({ kind: "drain.requested", reason: "requested" });
      case "destroy":
        this.askedToEnd = true;
        return this.step({ kind: "destroy.requested", reason: "requested" });
      case "restart":
        return this.step({ kind: "shell.restarted" });
      case "wait":
        this.fate = action.fate;
        return this.wait(action.ms);
      case "ring_again":
        return this.step({ kind: "alarm", name: action.name });
    }
  }

  check(before: NodeRecord): void {
    const { record } = this;
    const { life } = record;
    expect(countTakenSlots(record, settings), "[N2] no more places than there are").toBeLessThanOrEqual(settings.slots);
    const ids = record.slots.map((slot) => slot.lease.workspaceId);
    expect(new Set(ids).size, "[N2] one lease a slot").toBe(ids.length);
    if (life.state === "destroyed") expect(this.server, "[N1] destroyed only when there is no server").toBe("none");
    if (life.state === "warm") expect(record.slots, "a warm node has no work").toEqual([]);
    if (life.state === "active")
      expect(life.idleSince !== null, "idle is without work").toBe(record.slots.length === 0);
    if (life.state !== "destroyed")
      expect(deriveAlarms(record, settings).size, "some alarm is armed").toBeGreaterThan(0);
    if (life.state === "destroying")
      expect(deriveAlarms(record, settings).has("provider"), "the provider will be asked").toBe(true);
    const ended = isAlive(before) && !isAlive(record);
    if (!ended || before.slots.length === 0 || this.askedToEnd || before.life.state === "provisioning") return;
    if (record.slots.length === 0) return;
    expect(this.now, "[N2] a claimed node lives until its hard limit").toBeGreaterThanOrEqual(settings.hardLifetimeMs);
  }
}

describe("random lives of a node", () => {
  it("[N1] [N2] [R24] hold every invariant after each step, and end with no server", () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const world = new World();
        for (const each of actions) world.act(each);
        world.fate = "works";
        world.wait(settings.hardLifetimeMs + 600_000);
        expect(world.record.life.state).toBe("destroyed");
        expect(world.server).toBe("none");
      }),
      { numRuns: 1_500 },
    );
  });
});
