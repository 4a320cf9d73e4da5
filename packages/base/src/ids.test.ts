import fc from "fast-check";
import { expect, test } from "vitest";
import { idPattern, idSource, ulid, uuid } from "./ids.ts";

const random = (fill: number) => ({ next: () => 0.5, bytes: (length: number) => new Uint8Array(length).fill(fill) });

test("a ULID sorts by the time at which it was made", () => {
  const time = fc.integer({ min: 0, max: 2 ** 48 - 1 });
  fc.assert(
    fc.property(time, time, fc.nat(255), (a, b, fill) => {
      const [first, second] = [ulid({ now: () => a }, random(fill)), ulid({ now: () => b }, random(fill))];
      expect(first < second).toBe(a < b);
    }),
  );
});

test("ids carry their noun and match its pattern only", () => {
  const ids = idSource({ now: () => 1_795_334_400_000 }, random(7));
  expect(ids.make("tsk")).toMatch(idPattern("tsk"));
  expect(ids.make("tsk")).not.toMatch(idPattern("ses"));
});

test("a UUID is of version 4 in lower case", () => {
  expect(uuid(random(255))).toBe("ffffffff-ffff-4fff-bfff-ffffffffffff");
});
