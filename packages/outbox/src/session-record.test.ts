import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { idSource, systemClock, systemRandom } from "@samovar/base";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSessionFile } from "./open.ts";
import { SessionRecord } from "./session-record.ts";

const ids = idSource(systemClock, systemRandom);
const identity = {
  workspaceId: ids.make("wsp"),
  sessionId: ids.make("ses"),
  projectId: ids.make("prj"),
  nodeId: ids.make("nod"),
  epoch: 1,
};
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "session-record-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function opened<T>(work: (record: SessionRecord) => T): T {
  const { db } = openSessionFile(join(directory, "host.sqlite"), systemClock);
  try {
    return work(new SessionRecord(db));
  } finally {
    db.close();
  }
}

test("[R4] a file belongs to one session for its life", () => {
  opened((record) => record.claim(identity));
  opened((record) => expect(() => record.claim(identity)).not.toThrow());
  opened((record) =>
    expect(() => record.claim({ ...identity, sessionId: ids.make("ses") })).toThrow(identity.sessionId),
  );
  opened((record) => expect(() => record.claim({ ...identity, workspaceId: ids.make("wsp") })).toThrow(/belongs to/));
});

test("[R5] how far the agent's life came outlives the process; the first sign and the first end stand", () => {
  const end = {
    outcome: "clean",
    stopReason: "end_turn",
    failure: null,
    summary: "Done.",
    usage: null,
    restarts: 0,
  } as const;
  expect(opened((record) => record.life())).toEqual({
    beganAt: null,
    agentPid: null,
    startedAt: null,
    end: null,
    closed: false,
    current: null,
    metered: { models: [], calls: 0, unmeteredCalls: 0 },
  });
  const metered = { models: [], calls: 3, unmeteredCalls: 1 };
  opened((record) => {
    record.began(10);
    record.agentSpawned(4711);
    record.started(20);
    record.started(30);
    record.ended(end);
    record.ended({ ...end, outcome: "crashed" });
    record.metered({ ...metered, calls: 2 });
    record.metered(metered);
    record.closed();
  });
  expect(opened((record) => record.life())).toEqual({
    beganAt: 10,
    agentPid: 4711,
    startedAt: 20,
    end,
    closed: true,
    current: null,
    metered,
  });
});
