/**
 * Set-up of the unit tests that start vm-agents: they get its bundle, which starts in a quarter of the time that its sources
 * need. When the coverage of processes is measured they get the sources, whose lines are counted; containers, which can be
 * given only one file, get the bundle all the same.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleVmAgent } from "./bundle-vm-agent.ts";

export default async function setUp(): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), "samovar-vm-agent-"));
  const file = join(directory, "vm-agent.mjs");
  await writeFile(file, await bundleVmAgent());
  process.env["SAMOVAR_TEST_BUNDLE"] = file;
  if (process.env["SAMOVAR_PROCESS_COVERAGE"] === undefined) process.env["SAMOVAR_TEST_VM_AGENT"] = file;
  return () => rm(directory, { recursive: true, force: true });
}
