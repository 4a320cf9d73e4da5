import { testTime } from "@samovar/testing";
import * as fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import { CHECK_EVERY_MS, HELD_AT_MOST_MS, StartPermits } from "./start-permits.ts";

let time: ReturnType<typeof testTime>;
let stopped: Set<number>;
let granted: string[];
let permits: StartPermits;
const given = (count: number) => {
  time = testTime();
  stopped = new Set();
  granted = [];
  permits = new StartPermits({ count, clock: time, timers: time, isStopped: (pid) => stopped.has(pid) });
};
beforeEach(() => given(2));
const ask = (name: string, pid = 1) => permits.request(pid, () => granted.push(name));

test("grants as many as there are, and the rest first come, first served", () => {
  const [a, b, c] = [ask("a"), ask("b"), ask("c")];
  ask("d");
  expect(granted).toEqual(["a", "b"]);
  b();
  expect(granted).toEqual(["a", "b", "c"]);
  c();
  expect(granted).toEqual(["a", "b", "c", "d"]);
  b();
  a();
  ask("e");
  expect(granted).toEqual(["a", "b", "c", "d", "e"]);
});

test("whoever leaves the queue is passed over, and leaves no timer behind", () => {
  ask("a");
  ask("b");
  const leave = ask("c");
  expect(time.pending).toBe(1);
  leave();
  expect(time.pending).toBe(0);
  expect(granted).toEqual(["a", "b"]);
});

test("a holder whose process is stopped counts no longer; one that goes on counts again", () => {
  ask("a", 7);
  ask("b");
  ask("c");
  stopped.add(7);
  time.advance(CHECK_EVERY_MS);
  expect(granted).toEqual(["a", "b", "c"]);
  stopped.clear();
  ask("d");
  time.advance(10 * CHECK_EVERY_MS);
  expect(granted).toEqual(["a", "b", "c"]);
});

test("a start that takes very long does not count for ever", () => {
  ask("a");
  ask("b");
  time.advance(HELD_AT_MOST_MS - CHECK_EVERY_MS);
  ask("c");
  expect(granted).toEqual(["a", "b"]);
  time.advance(2 * CHECK_EVERY_MS);
  expect(granted).toEqual(["a", "b", "c"]);
});

test("[R12] whatever comes and goes, no process is overtaken, none waits while a permit is free, and never more are granted", () => {
  const step = fc.record({ what: fc.constantFrom("ask", "leave"), which: fc.nat(20) });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 60 }), (count, steps) => {
      given(count);
      const open: { readonly name: string; readonly leave: () => void }[] = [];
      const asked: string[] = [];
      for (const { what, which } of steps) {
        if (what === "ask") {
          const name = String(asked.push("")).padStart(3, "0");
          open.push({ name, leave: ask(name) });
        } else open.splice(which % Math.max(1, open.length), 1)[0]?.leave();
        const held = open.filter(({ name }) => granted.includes(name)).length;
        expect(held).toBe(Math.min(count, open.length));
        expect(granted).toEqual(granted.toSorted());
      }
    }),
  );
});
