/** Tests of the clock that stands still while its process does. Time is moved by hand. */
import { describe, expect, it } from "vitest";
import { RunningClock, limitSignal } from "./running-clock.ts";

/** Timers fire only when the process runs; `stop` is a pause in which it does not. */
class Machine {
  #now = 1_000_000;
  readonly #due = new Map<symbol, { readonly at: number; readonly callback: () => void }>();

  now = () => this.#now;

  after = (delayMs: number, callback: () => void) => {
    const key = Symbol();
    this.#due.set(key, { at: this.#now + delayMs, callback });
    return () => void this.#due.delete(key);
  };

  run(ms: number): void {
    const until = this.#now + ms;
    for (let next = this.#soonest(until); next !== null; next = this.#soonest(until)) {
      const [key, { at, callback }] = next;
      this.#now = Math.max(this.#now, at);
      this.#due.delete(key);
      callback();
    }
    this.#now = until;
  }

  stop(ms: number): void {
    this.#now += ms;
  }

  get waiting(): number {
    return this.#due.size;
  }

  #soonest(until: number) {
    const [first] = [...this.#due].toSorted(([, a], [, b]) => a.at - b.at);
    return first !== undefined && first[1].at <= until ? first : null;
  }
}

function given(counted?: (elapsedMs: number) => number) {
  const machine = new Machine();
  const calls: number[] = [];
  const clock = new RunningClock(machine, machine, counted);
  return { machine, clock, calls, call: () => calls.push(machine.now()) };
}

describe("a clock that stands still while its process does", () => {
  it("calls back after the time when the process runs all the while", () => {
    const { machine, clock, calls, call } = given();
    clock.after(20_000, call);
    machine.run(19_999);
    expect(calls).toEqual([]);
    machine.run(1);
    expect(calls).toEqual([1_020_000]);
  });

  it("[R55] does not count the time in which the process was stopped, however long", () => {
    const { machine, clock, calls, call } = given();
    clock.after(20_000, call);
    machine.run(10_000);
    machine.stop(60_000);
    machine.run(8_900);
    expect(calls).toEqual([]);
    machine.run(1_100);
    expect(calls).toHaveLength(1);
  });

  it("counts a process that was stopped again and again for the time in which it ran", () => {
    const { machine, clock, calls, call } = given();
    clock.after(60_000, call);
    for (let i = 0; i < 20; i++) {
      machine.run(2_000);
      machine.stop(3_000);
    }
    expect(calls).toEqual([]);
    machine.run(60_000);
    expect(calls).toHaveLength(1);
  });

  it("is not moved by a clock that jumps back or forth", () => {
    const machine = new Machine();
    let offsetMs = 0;
    const clock = new RunningClock({ now: () => machine.now() + offsetMs }, machine);
    const calls: number[] = [];
    clock.after(2_000, () => calls.push(machine.now()));
    offsetMs = -3_600_000;
    machine.run(1_000);
    offsetMs = 3_600_000;
    machine.run(500);
    expect(calls).toEqual([]);
    machine.run(1_500);
    expect(calls).toHaveLength(1);
  });

  it("leaves out what the other process could not use", () => {
    let isStopped = true;
    const { machine, clock, calls, call } = given((elapsedMs) => (isStopped ? 0 : elapsedMs));
    clock.after(1_000, call);
    machine.run(60_000);
    expect(calls).toEqual([]);
    isStopped = false;
    machine.run(1_500);
    expect(calls).toHaveLength(1);
  });

  it("ends a wait of fractions of milliseconds, whose sum is never exact", () => {
    const { machine, clock, calls, call } = given();
    for (const delayMs of [1_333.1, 2_717.3, 3_141.59]) clock.after(delayMs, call);
    machine.run(0.7);
    clock.after(1_618.033_988_7, call);
    machine.run(5_000);
    expect(calls).toHaveLength(4);
  });

  it("forgets what is cancelled, and keeps no timer for it", () => {
    const { machine, clock, calls, call } = given();
    const cancel = clock.after(5_000, call);
    machine.run(2_000);
    cancel();
    expect(machine.waiting).toBe(0);
    machine.run(60_000);
    expect(calls).toEqual([]);
  });
});

describe("a signal with a time limit", () => {
  it("is aborted with a TimeoutError once the limit has been counted", () => {
    const { machine, clock } = given();
    const limit = limitSignal(clock, 5_000);
    machine.stop(10_000);
    expect(limit.signal.aborted).toBe(false);
    machine.run(5_000);
    expect(limit.signal.reason).toMatchObject({ name: "TimeoutError" });
  });

  it("is not aborted any more once it was cancelled", () => {
    const { machine, clock } = given();
    const limit = limitSignal(clock, 5_000);
    limit.cancel();
    machine.run(60_000);
    expect(limit.signal.aborted).toBe(false);
  });
});
