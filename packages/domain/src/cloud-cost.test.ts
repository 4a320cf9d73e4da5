import { describe, expect, it } from "vitest";
import {
  addOperations,
  CLOUD_PRICES,
  NO_OPERATIONS,
  OPERATION_NAMES,
  priceOperations,
  scaleOperations,
} from "./cloud-cost.ts";

describe("what operations cost on Cloudflare", () => {
  it("is nothing for nothing, and the sum of its lines", () => {
    expect(priceOperations(NO_OPERATIONS).total).toBe(0);
    const million = { ...NO_OPERATIONS, workerRequests: 1_000_000, rowsWritten: 2_000_000 };
    expect(priceOperations(million)).toMatchObject({ workerRequests: 0.3, rowsWritten: 2, rowsRead: 0 });
    expect(priceOperations(million).total).toBeCloseTo(2.3, 10);
  });

  it("follows the table that it is given", () => {
    const dearer = { ...CLOUD_PRICES, perMillion: { ...CLOUD_PRICES.perMillion, rowsWritten: 10 } };
    expect(priceOperations({ ...NO_OPERATIONS, rowsWritten: 500_000 }, dearer).total).toBe(5);
  });

  it("grows with each operation in proportion", () => {
    for (const name of OPERATION_NAMES) {
      const one = { ...NO_OPERATIONS, [name]: 1_000 };
      const three = addOperations(one, scaleOperations(one, 2));
      expect(three[name]).toBe(3_000);
      expect(priceOperations(three).total).toBeCloseTo(3 * priceOperations(one).total, 12);
      expect(priceOperations(one).total).toBeGreaterThan(0);
    }
    expect(OPERATION_NAMES).toHaveLength(6);
  });
});
