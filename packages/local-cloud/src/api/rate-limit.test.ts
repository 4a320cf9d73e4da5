import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type Bucket, draw, RATE_LIMIT } from "./rate-limit.ts";

test("grants a burst of 3600, then one each second", () => {
  let bucket: Bucket = { tokens: RATE_LIMIT, at: 0 };
  const take = (now: number) => {
    const drawn = draw(bucket, now);
    bucket = drawn.bucket;
    return drawn;
  };
  for (let turn = 0; turn < RATE_LIMIT; turn++) expect(take(0).granted).toBe(true);
  expect(take(0)).toMatchObject({ granted: false, remaining: 0, fullAtSeconds: 3600 });
  expect(take(999).granted).toBe(false);
  expect(take(1000).granted).toBe(true);
  expect(take(1000).granted).toBe(false);
});

test("[F18] never more than the limit, whatever the clock does", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -10_000_000, max: 10_000_000 }), { maxLength: 200 }), (times) => {
      let bucket: Bucket = { tokens: RATE_LIMIT, at: 0 };
      for (const now of times) {
        const drawn = draw(bucket, now);
        bucket = drawn.bucket;
        expect(drawn.remaining).toBeGreaterThanOrEqual(0);
        expect(drawn.remaining).toBeLessThan(RATE_LIMIT);
      }
    }),
  );
});
