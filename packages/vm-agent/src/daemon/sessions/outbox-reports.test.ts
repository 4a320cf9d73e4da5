import { idSource, systemClock, systemRandom } from "@samovar/base";
import type { OutboxStats } from "@samovar/contracts";
import { testTime } from "@samovar/testing";
import { expect, it } from "vitest";
import type { EventDraft } from "../store/store.ts";
import { OutboxReports } from "./outbox-reports.ts";

const stats = (pending: number, deadLetters = 0): OutboxStats => ({
  pending,
  deadLetters,
  lastDeadLetterReason: deadLetters === 0 ? null : "rejected",
});

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
  const reports = new OutboxReports(idSource(systemClock, systemRandom).make("ses"), { store, timers: time });
  const reported = () =>
    sent.map((event) => (event.kind === "outbox.stats" ? [event.stats.pending, event.stats.deadLetters] : null));
  const acknowledge = () => {
    pending = 0;
  };
  return { time, reports, reported, acknowledge };
}

it("[R54] reports the number of pending messages at most every thirty seconds, the newest, and only a change", () => {
  const { time, reports, reported, acknowledge } = given();
  for (let second = 1; second <= 60; second++) {
    reports.consider(stats(second % 7));
    time.advance(1_000);
    acknowledge();
  }
  expect(reported()).toEqual([
    [2, 0],
    [4, 0],
  ]);
  reports.consider(stats(4));
  time.advance(60_000);
  expect(reported()).toHaveLength(2);
});

it("reports dead letters within five seconds, even while a later report is planned", () => {
  const { time, reports, reported } = given();
  reports.consider(stats(1));
  time.advance(1_000);
  reports.consider(stats(2, 1));
  time.advance(4_999);
  expect(reported()).toEqual([]);
  time.advance(1);
  expect(reported()).toEqual([[2, 1]]);
});

it("waits while a report is unacknowledged, and reports nothing once it has stopped", () => {
  const { time, reports, reported, acknowledge } = given();
  reports.consider(stats(1));
  time.advance(30_000);
  reports.consider(stats(2));
  time.advance(30_000);
  expect(reported()).toEqual([[1, 0]]);
  acknowledge();
  time.advance(30_000);
  expect(reported()).toEqual([
    [1, 0],
    [2, 0],
  ]);
  reports.consider(stats(3));
  reports.stop();
  time.advance(60_000);
  expect(reported()).toHaveLength(2);
});
