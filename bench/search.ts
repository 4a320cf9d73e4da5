/**
 * How soon a search answers among many messages of one project, inside workerd: apps/api/test/search-speed.test.ts with more
 * messages. `npm run bench -- search [messages]`; a million takes minutes to store and index.
 */
import { join } from "node:path";
import { startVitest } from "vitest/node";
import * as z from "zod";
import { printTable, spread } from "./table.ts";

const MESSAGES = 1_000_000;
const root = join(import.meta.dirname, "..");
const measured = z.object({
  messages: z.number(),
  indexMs: z.number(),
  times: z.record(z.string(), z.array(z.number())),
});

/** Returns whether everything was found. */
export async function measureSearch([count]: readonly string[]): Promise<boolean> {
  const messages = z.coerce.number().int().min(1_000).max(10_000_000).default(MESSAGES).parse(count);
  process.env["SAMOVAR_SEARCHED_MESSAGES"] = String(messages);
  const vitest = await startVitest("test", ["apps/api/test/search-speed.test.ts"], {
    root,
    project: ["api"],
    watch: false,
    reporters: [{}],
    coverage: { enabled: false },
    testTimeout: 3_600_000,
  });
  try {
    const tests = vitest.state.getTestModules().flatMap((module) => [...module.children.allTests()]);
    for (const test of tests) {
      for (const { message } of test.result().errors ?? []) console.error(`${test.fullName}: ${message}`);
      const found = measured.safeParse(Reflect.get(test.meta(), "search")).data;
      if (found === undefined) continue;
      console.log(`${found.messages} messages, indexed in ${(found.indexMs / 1000).toFixed(1)} s`);
      printTable(
        "search → first 20 messages",
        Object.entries(found.times).map(([name, times]) => spread(name, times)),
      );
    }
    return tests.length > 0 && tests.every((test) => test.ok());
  } finally {
    await vitest.close();
  }
}
