/** The node's life, case by case. Random lives are in node-lifecycle.model.test.ts. */
import type { NodeId, ProjectId, RunId, SessionId, WorkspaceId } from "@samovar/base";
import { describe, expect, it } from "vitest";
import type { NodeLifecycleEvent } from "./node-lifecycle.ts";
import { CREATE_MAX_ATTEMPTS, RECONNECT_GRACE_MS, reserveSlot, stepNode } from "./node-lifecycle.ts";
import type { NodeAlarm, NodeRecord, NodeSettings, SlotLease } from "./node-record.ts";
import { deriveAlarms, getNodeFailure, newNode, countTakenSlots } from "./node-record.ts";

const settings: NodeSettings = {
  slots: 2,
  retainedWithoutSlot: 1,
  idleGraceMs: 1_000,
  warmTimeoutMs: 60_000,
  maxLifetimeMs: 3_600_000,
  hardLifetimeMs: 7_200_000,
  bootTimeoutMs: 600_000,
  unreachableTimeoutMs: 300_000,
};
const server = { id: "42", location: "fsn1", pricePerHour: null };
const refused = { failure: { code: "provider_quota", message: "limit reached" }, retryAfterMs: null };

const lease = (n: number): SlotLease => ({
  workspaceId: `wsp_${n}` as WorkspaceId,
  taskId: null,
  runId: `run_${n}` as RunId,
  projectId: "prj_1" as ProjectId,
  sessionId: `ses_${n}` as SessionId,
});

const born = () => newNode("nod_1" as NodeId, lease(1), 0, settings);

function live(record: NodeRecord, now: number, ...events: readonly NodeLifecycleEvent[]): NodeRecord {
  return events.reduce((at, event) => stepNode(at, event, now, settings).record, record);
}

const ring = (record: NodeRecord, name: NodeAlarm) => {
  const due = deriveAlarms(record, settings).get(name);
  expect(due, `alarm ${name} is armed`).toBeDefined();
  return stepNode(record, { kind: "alarm", name }, due ?? 0, settings);
};

const active = () =>
  live(born(), 0, { kind: "alarm", name: "provider" }, { kind: "server.made", server }, { kind: "agent.connected" });
const warm = () =>
  ring(live(active(), 10, { kind: "slot.released", workspaceId: lease(1).workspaceId }), "idle").record;

describe("coming up", () => {
  it("[F20] asks for the server only after it is written down that it was asked", () => {
    const { record, effects } = ring(born(), "provider");
    expect(effects).toEqual([{ kind: "provider.create" }]);
    expect(record.server).toEqual({ kind: "requested" });
    expect(deriveAlarms(record, settings).get("provider"), "asked again if the answer is lost").toBeGreaterThan(0);
  });

  it("[F20] asks again at once when the one that asked has died", () => {
    const inFlight = ring(born(), "provider").record;
    const again = live(inFlight, 5, { kind: "shell.restarted" });
    expect(deriveAlarms(again, settings).get("provider")).toBe(5);
    expect(live(again, 6, { kind: "shell.restarted" })).toBe(again);
  });

  it("is active from the agent's first connection, even when the provider's answer comes later", () => {
    const connected = live(born(), 0, { kind: "alarm", name: "provider" }, { kind: "agent.connected" });
    expect(connected.life).toEqual({ state: "active", idleSince: null });
    expect(live(connected, 1, { kind: "server.made", server }).server).toEqual({ kind: "known", server });
  });

  it("[R18] stays provisioning while the connected agent still installs tools, until the boot's deadline", () => {
    const booting = live(born(), 0, { kind: "alarm", name: "provider" }, { kind: "server.made", server });
    const preparing = live(booting, 5, { kind: "agent.preparing" });
    expect(preparing).toMatchObject({ life: booting.life, link: { kind: "up", since: 5 } });
    expect(live(preparing, 6, { kind: "agent.connected" }).life).toEqual({ state: "active", idleSince: null });
    expect(ring(preparing, "boot").record.life).toMatchObject({
      state: "destroying",
      failure: { code: "node_boot_timeout", message: expect.stringContaining("tools") },
    });
    const gone = live(preparing, 7, { kind: "destroy.requested", reason: "asked" });
    expect(stepNode(gone, { kind: "agent.preparing" }, 8, settings).effects).toEqual([{ kind: "link.close" }]);
  });

  it("[R18] [F29] a machine that boots and never connects is destroyed, and says why", () => {
    const booting = live(born(), 0, { kind: "alarm", name: "provider" }, { kind: "server.made", server });
    const { record, effects } = ring(booting, "boot");
    expect(record.life).toMatchObject({ state: "destroying", failure: { code: "node_boot_timeout" } });
    expect(record.slots[0]?.lost).toMatchObject({ code: "node_boot_timeout" });
    expect(effects).toContainEqual({ kind: "wake", runId: "run_1" });
  });

  it("[F21] a refusal that may pass is retried with growing pauses, a bounded number of times", () => {
    let record = born();
    const pauses: number[] = [];
    let now = 0;
    while (record.life.state === "provisioning") {
      now = deriveAlarms(record, settings).get("provider") ?? Number.NaN;
      record = live(
        record,
        now,
        { kind: "alarm", name: "provider" },
        { kind: "create.failed", refusal: { ...refused, retriable: true } },
      );
      pauses.push((deriveAlarms(record, settings).get("provider") ?? 0) - now);
    }
    expect(pauses).toHaveLength(CREATE_MAX_ATTEMPTS);
    expect(pauses.slice(0, 4)).toEqual([500, 1_000, 2_000, 4_000]);
    expect(getNodeFailure(record)).toEqual(refused.failure);
  });

  it("[F21] a refusal that will not pass ends it at once, and what may exist is looked for", () => {
    const record = live(
      born(),
      0,
      { kind: "alarm", name: "provider" },
      { kind: "create.failed", refusal: { ...refused, retriable: false } },
    );
    expect(record.life).toMatchObject({ state: "destroying", failure: refused.failure });
    const { record: finding, effects } = ring(record, "provider");
    expect(effects).toContainEqual({ kind: "provider.find" });
    expect(live(finding, 1, { kind: "server.absent" }).life.state).toBe("destroyed");
  });

  it("[F19] a server whose making was answered too late is deleted", () => {
    const ended = live(
      born(),
      0,
      { kind: "alarm", name: "provider" },
      { kind: "destroy.requested", reason: "not wanted" },
    );
    expect(ended.life.state).toBe("destroying");
    const late = live(ended, 1, { kind: "server.made", server });
    expect(ring(late, "provider").effects).toEqual([{ kind: "provider.delete", serverId: "42" }]);
  });

  it("nothing was asked: nothing has to be deleted", () => {
    expect(live(born(), 0, { kind: "destroy.requested", reason: "not wanted" }).life.state).toBe("destroyed");
  });
});

describe("slots", () => {
  it("[R24] are granted while there is room, also while the machine comes up", () => {
    const second = reserveSlot(born(), lease(2), 1, settings);
    expect(second.reply).toEqual({ granted: true });
    expect(reserveSlot(second.record, lease(3), 1, settings).reply).toEqual({ granted: false, reason: "full" });
    expect(reserveSlot(second.record, lease(2), 1, settings)).toEqual({
      record: second.record,
      reply: { granted: true },
    });
  });

  it("[F27] a hundred that ask at once share out exactly the slots there are", () => {
    let record = warm();
    const granted = Array.from({ length: 100 }, (_, n) => {
      const answer = reserveSlot(record, lease(n + 10), 20_000, settings);
      record = answer.record;
      return answer.reply.granted;
    });
    expect(granted.filter(Boolean)).toHaveLength(settings.slots);
  });

  it("[R24] [F28] of a reserve and the warm alarm, the first wins and the other does nothing", () => {
    const waiting = warm();
    const due = deriveAlarms(waiting, settings).get("warm") ?? 0;
    const claimed = reserveSlot(waiting, lease(2), due, settings);
    expect(claimed.reply.granted).toBe(true);
    expect(live(claimed.record, due, { kind: "alarm", name: "warm" })).toBe(claimed.record);
    const expired = live(waiting, due, { kind: "alarm", name: "warm" });
    expect(reserveSlot(expired, lease(2), due, settings).reply).toEqual({ granted: false, reason: "gone" });
  });

  it("[R16] a retained workspace frees its place and holds the node; above the limit each takes a place again", () => {
    const retained = (n: number): NodeLifecycleEvent => ({ kind: "slot.retained", workspaceId: lease(n).workspaceId });
    const { record: full } = reserveSlot(active(), lease(2), 1, settings);
    const one = live(full, 2, retained(1));
    const { record: again, reply } = reserveSlot(one, lease(3), 3, settings);
    expect(reply.granted).toBe(true);
    const all = live(again, 4, retained(2), retained(3));
    expect(countTakenSlots(all, settings)).toBe(2);
    expect(reserveSlot(all, lease(4), 5, settings).reply).toEqual({ granted: false, reason: "full" });
    expect(deriveAlarms(one, settings).has("idle"), "it is not on its way to be warm").toBe(false);
    const gone = [1, 2, 3].map((n): NodeLifecycleEvent => ({
      kind: "slot.released",
      workspaceId: lease(n).workspaceId,
    }));
    expect(live(all, 6, ...gone).life).toEqual({ state: "active", idleSince: 6 });
  });

  it("are not given on a node that has been silent or is too old", () => {
    const cut = live(active(), 100, { kind: "link.lost" });
    expect(reserveSlot(cut, lease(2), 100 + RECONNECT_GRACE_MS - 1, settings).reply.granted).toBe(true);
    expect(reserveSlot(cut, lease(2), 100 + RECONNECT_GRACE_MS, settings).reply).toEqual({
      granted: false,
      reason: "not_accepting",
    });
    expect(reserveSlot(active(), lease(2), settings.maxLifetimeMs, settings).reply).toEqual({
      granted: false,
      reason: "not_accepting",
    });
  });
});

describe("growing idle", () => {
  it("[R23] waits warm for the next task, then goes", () => {
    const waiting = warm();
    expect(waiting.life).toEqual({ state: "warm", since: 1_010, until: 61_010 });
    expect(ring(waiting, "warm").record.life.state).toBe("destroying");
  });

  it("[F14] an alarm that rings twice, or early, does nothing more", () => {
    const waiting = warm();
    expect(live(waiting, 2_000, { kind: "alarm", name: "warm" })).toBe(waiting);
    const going = ring(waiting, "warm").record;
    expect(live(going, 70_000, { kind: "alarm", name: "warm" })).toBe(going);
  });
});

describe("ending", () => {
  it("[R25] past its age it finishes its work, takes none, and goes when the last slot is free", () => {
    const { record, effects } = ring(active(), "max_lifetime");
    expect(record.life.state).toBe("draining");
    expect(effects).toContainEqual({ kind: "node.drain" });
    const free = live(record, settings.maxLifetimeMs + 1, {
      kind: "slot.released",
      workspaceId: lease(1).workspaceId,
    });
    expect(free.life.state).toBe("destroying");
  });

  it("a drain that comes before the machine is up counts from then on", () => {
    const drained = live(born(), 0, { kind: "drain.requested", reason: "maintenance" });
    expect(reserveSlot(drained, lease(2), 1, settings).reply).toEqual({ granted: false, reason: "not_accepting" });
    const step = stepNode(
      live(drained, 0, { kind: "alarm", name: "provider" }),
      { kind: "agent.connected" },
      5,
      settings,
    );
    expect(step.record.life.state).toBe("draining");
    expect(step.effects).toContainEqual({ kind: "node.drain" });
  });

  it("[N2] a working node is destroyed at its hard limit, and its runs are woken", () => {
    const { record, effects } = ring(active(), "hard_lifetime");
    expect(record.life.state).toBe("destroying");
    expect(record.slots[0]?.lost).toMatchObject({ code: "node_lifetime" });
    expect(effects).toContainEqual({ kind: "wake", runId: "run_1" });
  });

  it("[F22] [F23] [F24] asks the provider until it says gone, slower each time, and shows what is in the way", () => {
    let record = live(active(), 0, { kind: "destroy.requested", reason: "requested" });
    const locked = { code: "provider_locked", message: "locked" };
    for (const answer of [
      { kind: "provider.failed", failure: locked, retryAfterMs: null },
      { kind: "delete.accepted" },
    ] as const) {
      const asked = ring(record, "provider");
      expect(asked.effects).toEqual([{ kind: "provider.delete", serverId: "42" }]);
      record = live(asked.record, 1_000, answer);
      expect(record.life.state).toBe("destroying");
      expect(getNodeFailure(record)).toEqual(answer.kind === "provider.failed" ? locked : null);
    }
    const gone = live(ring(record, "provider").record, 2_000, { kind: "server.gone" });
    expect(gone.life).toMatchObject({ state: "destroyed" });
    expect(deriveAlarms(gone, settings).size).toBe(0);
  });
});

describe("a vm-agent of another version", () => {
  const cut = (record: NodeRecord) => live(record, 100, { kind: "link.lost" });

  it("[F48] fails the work there with that reason, and the node is destroyed when its slots are released", () => {
    const { record, effects } = stepNode(cut(active()), { kind: "agent.outdated" }, 200, settings);
    expect(record.slots[0]?.lost).toMatchObject({
      code: "node_outdated",
      message: expect.stringMatching(/different versions/),
    });
    expect(record.life.state).toBe("draining");
    expect(effects).toContainEqual({ kind: "wake", runId: "run_1" });
    const released = live(record, 300, { kind: "slot.released", workspaceId: lease(1).workspaceId });
    expect(released.life.state).toBe("destroying");
  });

  it("[F48] destroys the node at once when it never connected or has no work", () => {
    const made = live(born(), 0, { kind: "alarm", name: "provider" }, { kind: "server.made", server });
    for (const record of [made, cut(warm())]) {
      const { life } = live(record, 2_000, { kind: "agent.outdated" });
      expect(life).toMatchObject({ state: "destroying", failure: { code: "node_outdated" } });
    }
  });

  it("is only turned away while the node's own agent is connected, or when the node is gone", () => {
    expect(live(active(), 100, { kind: "agent.outdated" })).toEqual(active());
    const gone = live(cut(active()), 200, { kind: "destroy.requested", reason: "enough" });
    expect(stepNode(gone, { kind: "agent.outdated" }, 300, settings)).toEqual({
      record: gone,
      effects: [{ kind: "link.close" }],
    });
  });
});

describe("silence", () => {
  it("[R21] is a flag with a time and no news to runs; coming back clears it", () => {
    const cut = stepNode(active(), { kind: "link.lost" }, 100, settings);
    expect(cut.effects).toEqual([]);
    expect(cut.record.life.state).toBe("active");
    expect(cut.record.link).toEqual({ kind: "down", since: 100, timedOut: false });
    expect(live(cut.record, 200, { kind: "agent.connected" }).link).toEqual({ kind: "up", since: 200 });
  });

  it("[F30] that lasts fails what ran there, and the node takes no more", () => {
    const { record, effects } = ring(live(active(), 100, { kind: "link.lost" }), "unreachable");
    expect(record.slots[0]?.lost).toMatchObject({ code: "node_unreachable" });
    expect(record.life.state).toBe("draining");
    expect(effects).toContainEqual({ kind: "wake", runId: "run_1" });
  });

  it("of a node without work ends it", () => {
    expect(ring(live(warm(), 2_000, { kind: "link.lost" }), "warm").record.life.state).toBe("destroying");
    const idle = live(
      active(),
      10,
      { kind: "slot.released", workspaceId: lease(1).workspaceId },
      { kind: "link.lost" },
    );
    expect(ring(idle, "unreachable").record.life).toMatchObject({
      state: "destroying",
      failure: { code: "node_unreachable" },
    });
  });
});

describe("[R12] word of room, for those who wait in line", () => {
  const says = (record: NodeRecord, event: NodeLifecycleEvent, now: number) =>
    stepNode(record, event, now, settings).effects.filter((effect) => effect.kind === "capacity").length;

  it("when a slot is given back, once", () => {
    const event: NodeLifecycleEvent = { kind: "slot.released", workspaceId: lease(1).workspaceId };
    expect(says(active(), event, 10)).toBe(1);
    expect(says(live(active(), 10, event), event, 11)).toBe(0);
  });

  it("when a workspace is retained, once; not when too many are", () => {
    const { record: full } = reserveSlot(active(), lease(2), 1, settings);
    const retained = (n: number): NodeLifecycleEvent => ({ kind: "slot.retained", workspaceId: lease(n).workspaceId });
    expect(says(full, retained(1), 10)).toBe(1);
    const one = live(full, 10, retained(1));
    expect([says(one, retained(1), 11), says(one, retained(2), 11), says(one, retained(3), 11)]).toEqual([0, 0, 0]);
  });

  it("not of a node that takes no work; then when it is gone, since another may be made", () => {
    const draining = live(active(), 10, { kind: "drain.requested", reason: "on request" });
    const released: NodeLifecycleEvent = { kind: "slot.released", workspaceId: lease(1).workspaceId };
    expect(says(draining, released, 20)).toBe(0);
    const destroying = live(draining, 20, released);
    expect(says(destroying, { kind: "server.gone" }, 30)).toBe(1);
  });

  it("when a silent node is back", () => {
    const silent = live(active(), 10, { kind: "link.lost" });
    expect(says(silent, { kind: "agent.connected" }, 10 + RECONNECT_GRACE_MS)).toBe(1);
    expect(says(silent, { kind: "agent.connected" }, 11)).toBe(0);
  });
});
