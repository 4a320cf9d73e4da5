import { idSource, systemClock, systemRandom } from "@samovar/base";
import type { MeteredUsage } from "@samovar/contracts";
import { testTime } from "@samovar/testing";
import { expect, it } from "vitest";
import type { EventDraft } from "../store/store.ts";
import { MeteringReports } from "./metering-reports.ts";

const ids = idSource(systemClock, systemRandom);
const [sessionId, workspaceId] = [ids.make("ses"), ids.make("wsp")];

const metered = (calls: number): MeteredUsage => ({ models: [], calls, unmeteredCalls: 0 });

/** A store in memory, whose events are pending until they are acknowledged. */
function given() {
  const time = testTime();
  const sent: EventDraft[] = [];
  let pending = 0;
  const store = {
    append: (draft: EventDraft) => {
      sent.push(draft);
      pending += 1;
    },
    hasPending: () => pending > 0,
    transaction: <T>(work: () => T) => work(),
  };
  const reports = new MeteringReports(sessionId, { store, timers: time });
  const calls = () => sent.map((event) => (event.kind === "session.metered" ? event.metered.calls : null));
  const acknowledge = () => {
    pending = 0;
  };
  return { time, reports, calls, acknowledge };
}

it("[R51] reports only changes, the newest of them, at most every two seconds", () => {
  const { time, reports, calls, acknowledge } = given();
  reports.consider(workspaceId, undefined);
  reports.consider(workspaceId, metered(0));
  time.advance(10_000);
  expect(calls()).toEqual([]);
  for (let n = 1; n <= 30; n++) {
    reports.consider(workspaceId, metered(n));
    time.advance(100);
    acknowledge();
  }
  time.advance(2_000);
  expect(calls()).toEqual([20, 30]);
});

it("[R51] waits with the next report until the last one is acknowledged, and reports at the end whatever is left", () => {
  const { time, reports, calls } = given();
  reports.consider(workspaceId, metered(1));
  time.advance(2_000);
  reports.consider(workspaceId, metered(2));
  time.advance(20_000);
  expect(calls()).toEqual([1]);
  reports.report();
  reports.report();
  expect(calls()).toEqual([1, 2]);
  reports.stop();
});
