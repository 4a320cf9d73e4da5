import { describe, expect, it } from "vitest";
import { countStartedHours, sumCost } from "./spending.ts";

const HOUR = 3_600_000;
const euros = (amount: string) => ({ amount, currency: "EUR" });
const machine = (createdAt: number, destroyedAt: number | null, amount = "0.01") => ({
  createdAt,
  destroyedAt,
  pricePerHour: euros(amount),
});

describe("what machines cost", () => {
  it.each([
    ["the first hour is paid from its beginning", 0, null, 0, 1],
    ["an hour that is just over begins no other", 0, null, HOUR, 1],
    ["and then the next", 0, null, HOUR + 1, 2],
    ["what is gone costs no more", 0, 2 * HOUR, 9 * HOUR, 2],
    ["what is yet to come costs nothing", HOUR, null, 0, 0],
  ])("%s", (_what, createdAt, destroyedAt, now, hours) => {
    expect(countStartedHours({ createdAt, destroyedAt }, now)).toBe(hours);
  });

  it("hours that were begun before the moment are not counted again", () => {
    expect(countStartedHours({ createdAt: 0, destroyedAt: null }, 5 * HOUR, 2.5 * HOUR)).toBe(2);
    expect(countStartedHours({ createdAt: 0, destroyedAt: 2 * HOUR }, 5 * HOUR, 3 * HOUR)).toBe(0);
  });

  it("is summed for each currency; a machine without a price adds nothing", () => {
    const machines = [
      machine(0, null),
      machine(0, null, "0.0125"),
      { ...machine(0, null), pricePerHour: { amount: "1", currency: "USD" } },
      { ...machine(0, null), pricePerHour: null },
    ];
    expect(sumCost(machines, HOUR)).toEqual([euros("0.022500"), { amount: "1.000000", currency: "USD" }]);
  });
});
