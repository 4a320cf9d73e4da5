/**
 * What the README's figures come from: `npm run bench [delivery] [start]`. Everything runs on the real local stack, in
 * one run on one machine; times are milliseconds of its one clock.
 */
import { join } from "node:path";
import { makeRepository } from "../tests/harness/repository.ts";
import { removeDirectory, startInstallation } from "../tests/harness/installation.ts";
import { measureDelivery } from "./delivery.ts";
import { measureStart } from "./start.ts";
import { printTable, spread } from "./table.ts";

const SECTIONS = ["delivery", "start"] as const;
const asked = process.argv.slice(2);
const wanted = (section: (typeof SECTIONS)[number]) => asked.length === 0 || asked.includes(section);

const here = await startInstallation();
try {
  const repository = makeRepository(join(here.dataDir, "repository"));
  if (wanted("start")) {
    const { cold, warm } = await measureStart(here, repository);
    printTable("submit → agent running", [spread("cold node", cold), spread("warm node", warm)]);
  }
  if (wanted("delivery")) {
    const { stored, viewed, whole } = await measureDelivery(here, repository);
    printTable("a message", [
      spread("agent says it → stored", stored),
      spread("stored → on a viewer's socket", viewed),
      spread("agent says it → on a viewer's socket", whole),
    ]);
  }
} finally {
  await here.stop();
  await removeDirectory(here.dataDir);
}
