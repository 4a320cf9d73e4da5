/**
 * Set-up of the unit tests that start vm-agents: they get its bundle and a startup snapshot, which start in a small part of the
 * time that its sources need. When the coverage of processes is measured they get the sources, whose lines are counted;
 * containers, which can be given only one file, get the bundle all the same.
 */
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jsonLogger, systemClock } from "@samovar/base";
import { StartupSnapshot } from "../packages/vm-agent/src/startup-snapshot.ts";
import { bundleVmAgent } from "./bundle-vm-agent.ts";

export default async function setUp(): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), "samovar-vm-agent-"));
  // As on a server: programs of workspaces start from it, as separate users.
  await chmod(directory, 0o755);
  const module = join(directory, "vm-agent.cjs");
  await writeFile(module, await bundleVmAgent());
  process.env["SAMOVAR_TEST_BUNDLE"] = module;
  if (process.env["SAMOVAR_PROCESS_COVERAGE"] === undefined) await useBundle(module, join(directory, "snapshots"));
  return () => rm(directory, { recursive: true, force: true });
}

async function useBundle(module: string, snapshots: string): Promise<void> {
  const logger = jsonLogger({ clock: systemClock, write: (line) => console.error(line), level: "warn" });
  const snapshot = new StartupSnapshot({ node: process.execPath, module, directory: snapshots, logger });
  await snapshot.prepare();
  const [, option, file] = snapshot.self();
  if (option !== "--snapshot-blob" || file === undefined) throw new Error("there is no startup snapshot");
  process.env["SAMOVAR_TEST_VM_AGENT"] = module;
  process.env["SAMOVAR_TEST_SNAPSHOTS"] = snapshots;
  process.env["SAMOVAR_TEST_SNAPSHOT"] = file;
}
