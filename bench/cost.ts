/**
 * What the control plane costs on Cloudflare: a task that streams for ten minutes, and an idle month. The operations are
 * counted inside workerd by apps/api/test/cost.test.ts; this runs it and turns its counts into dollars, next to the
 * counts of an earlier version. docs/costs.md says what is counted and what is assumed.
 */
import { join } from "node:path";
import type { BilledOperations } from "@samovar/domain/cloud-cost";
import { CLOUD_PRICES, OPERATION_NAMES, priceOperations } from "@samovar/domain/cloud-cost";
import { startVitest } from "vitest/node";
import * as z from "zod";
import { printRows } from "./table.ts";

const root = join(import.meta.dirname, "..");

const counts = z.record(z.string(), z.number());
const measured = z.object({
  name: z.enum(["task", "idle month"]),
  operations: z.object({
    workerRequests: z.number(),
    cpuMs: z.number(),
    objectRequests: z.number(),
    objectGigabyteSeconds: z.number(),
    rowsWritten: z.number(),
    rowsRead: z.number(),
  }),
  counted: counts,
});
type Measured = z.infer<typeof measured>;

/** The same test on commit b7f13de of 2026-11-30, before anything was made cheaper. */
const BEFORE: Readonly<Record<Measured["name"], Pick<Measured, "operations" | "counted">>> = {
  task: {
    operations: {
      workerRequests: 3_386,
      cpuMs: 10_158,
      objectRequests: 3_570,
      objectGigabyteSeconds: 43.2,
      rowsWritten: 21_780,
      rowsRead: 36_533,
    },
    counted: {
      deliveries: 3_340,
      "rows written a delivery": 6.33,
      "statements a delivery": 8.43,
      alarms: 6,
      "D1 queries": 824,
      "D1 rows written": 497,
      "workflow steps": 42,
      "rows outside of the streaming": 275,
    },
  },
  "idle month": {
    operations: {
      workerRequests: 2_920,
      cpuMs: 8_760,
      objectRequests: 140_598,
      objectGigabyteSeconds: 1_089.9,
      rowsWritten: 550_712,
      rowsRead: 5_266_512,
    },
    counted: {
      alarms: 94_608,
      "rows written an alarm": 5.02,
      "rows written a sweep": 26,
      "D1 queries a sweep": 44,
      "D1 rows read a sweep": 75,
    },
  },
};

const TITLES: Readonly<Record<Measured["name"], string>> = {
  task: "a task that streams for ten minutes",
  "idle month": "an idle month: 3 warm nodes, 5 open pages",
};

const LABELS: Readonly<Record<keyof BilledOperations, string>> = {
  workerRequests: "Worker requests",
  cpuMs: "CPU ms",
  objectRequests: "object requests",
  objectGigabyteSeconds: "object GB-s",
  rowsWritten: "rows written",
  rowsRead: "rows read",
};

/** Returns whether the counts could be made and are within the test's bounds. */
export async function measureCost(): Promise<boolean> {
  const results = await count();
  const { asOf, planDollars } = CLOUD_PRICES;
  for (const { name, operations, counted } of results.measured) {
    const before = BEFORE[name];
    const dollars = { before: priceOperations(before.operations), now: priceOperations(operations) };
    const heads = ["before", "now"];
    const used = OPERATION_NAMES.map((each) => ({
      name: LABELS[each],
      values: [before.operations[each], operations[each]],
    }));
    const paid = [...OPERATION_NAMES, "total" as const].map((each) => ({
      name: each === "total" ? "all" : LABELS[each],
      values: [dollars.before[each], dollars.now[each]],
    }));
    printRows(TITLES[name], heads, used);
    printRows("in dollars", heads, paid, 4);
    const rows = Object.entries(counted).map(([label, value]) => ({
      name: label,
      values: [before.counted[label] ?? Number.NaN, value],
    }));
    printRows("counted", heads, rows, 2);
  }
  console.log(
    `\nUS dollars at the prices of ${asOf}, beyond the amounts that the plan includes for $${planDollars} a month.`,
  );
  return results.passed;
}

async function count(): Promise<{ readonly measured: readonly Measured[]; readonly passed: boolean }> {
  const vitest = await startVitest("test", ["apps/api/test/cost.test.ts"], {
    root,
    project: ["api"],
    watch: false,
    reporters: [{}],
    coverage: { enabled: false },
  });
  try {
    const tests = vitest.state.getTestModules().flatMap((module) => [...module.children.allTests()]);
    for (const test of tests)
      for (const { message } of test.result().errors ?? []) console.error(`${test.fullName}: ${message}`);
    const found = tests.flatMap((test) => measured.safeParse(Reflect.get(test.meta(), "cost")).data ?? []);
    return { measured: found, passed: tests.length > 0 && tests.every((test) => test.ok()) };
  } finally {
    await vitest.close();
  }
}
