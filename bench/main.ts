/**
 * Produces the figures of docs/figures.md: `npm run bench -- [delivery] [start] [load] [page [all]] [soak …] [byhand …] [crowd …] [sandbox …]
 * [boot …] [cost] [search …]`;
 * without a name, all quick ones. `WORKSPACE_RUNTIME=process` measures without a sandbox. Everything runs on the real local stack on one machine; times are milliseconds of its clock.
 */
import { join } from "node:path";
import { makeRepository } from "../tests/harness/repository.ts";
import { type Installation, removeDirectory, startInstallation } from "../tests/harness/installation.ts";
import { measureBoot } from "./boot.ts";
import { measureByHand } from "./by-hand.ts";
import { measureCost } from "./cost.ts";
import { crowd } from "./crowd.ts";
import { measureDelivery } from "./delivery.ts";
import { measureLoad } from "./load.ts";
import { measurePage } from "./page.ts";
import { measureSearch } from "./search.ts";
import { soak } from "./soak.ts";
import { measureSandbox } from "./sandbox.ts";
import { measureStart } from "./start.ts";
import { printRows, printTable, spread } from "./table.ts";

// As for a person: in a sandbox where one works.
process.env["WORKSPACE_RUNTIME"] ??= "auto";
const MEBIBYTE = 1024 * 1024;
const QUICK = ["start", "delivery"];
const SIZES = [1, 10, 50];

const [first, ...rest] = process.argv.slice(2);
if (first === "byhand") await measureByHand(rest);
else if (first === "crowd") process.exitCode = (await crowd(rest)) ? 0 : 1;
else if (first === "soak") process.exitCode = (await soak(rest)) ? 0 : 1;
else if (first === "sandbox") await measureSandbox(rest);
else if (first === "boot") await measureBoot(rest);
else if (first === "cost") process.exitCode = (await measureCost()) ? 0 : 1;
else if (first === "search") process.exitCode = (await measureSearch(rest)) ? 0 : 1;
else if (first === "page") await measurePage(rest);
else {
  const wanted = first === undefined ? QUICK : [first, ...rest];
  if (wanted.some((name) => QUICK.includes(name))) await withInstallation((here) => quick(here, wanted));
  if (wanted.includes("load")) await load();
}

async function withInstallation(work: (here: Installation) => Promise<void>): Promise<void> {
  const here = await startInstallation();
  try {
    await work(here);
  } finally {
    await here.stop();
    await removeDirectory(here.dataDir);
  }
}

async function quick(here: Installation, wanted: readonly string[]): Promise<void> {
  const repository = makeRepository(join(here.dataDir, "repository"));
  if (wanted.includes("start")) {
    const { cold, warm } = await measureStart(here, repository);
    printTable("submit → agent running", [spread("cold node", cold), spread("warm node", warm)]);
  }
  if (wanted.includes("delivery")) {
    const { stored, viewed, whole } = await measureDelivery(here, repository);
    printTable("a message", [
      spread("agent emits a message → stored", stored),
      spread("stored → on a viewer's socket", viewed),
      spread("agent emits a message → on a viewer's socket", whole),
    ]);
  }
}

async function load(): Promise<void> {
  for (const size of SIZES) {
    const { tasks, wholeMs, eachMs, peaks } = await measureLoad(size);
    const name = `${tasks} ${tasks === 1 ? "task" : "tasks"} at once`;
    printRows(name, ["whole s", "tasks/min"], [{ name: "", values: [wholeMs / 1000, (tasks * 60_000) / wholeMs] }], 1);
    printTable("submission → end", [spread("each", eachMs)]);
    printRows(
      "peak memory",
      ["processes", "one MiB", "all MiB"],
      peaks.map(({ kind, count, oneBytes, allBytes }) => ({
        name: kind,
        values: [count, oneBytes / MEBIBYTE, allBytes / MEBIBYTE],
      })),
    );
  }
}
