/** Kills parts of an installation's control plane, as a crash would, and starts it again. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import * as z from "zod";
import { type Installation, startInstallation } from "./installation.ts";

/** `workerd`: its CLI restarts it. `cli`: workerd keeps running. */
export type ControlPlanePart = "workerd" | "cli" | "both";

/** Returns the installation afterwards: the same one if its CLI still runs. Calls `whileDown` before the restart. */
export async function killAndRestart(
  here: Installation,
  part: ControlPlanePart,
  env: Readonly<Record<string, string>>,
  whileDown: () => void = () => {},
): Promise<Installation> {
  const runtime = await recordedRuntime(here);
  if (part === "workerd") {
    tryKill(runtime);
    return here;
  }
  here.process.kill("SIGKILL");
  if (part === "both") tryKill(runtime);
  if (here.process.exitCode === null && here.process.signalCode === null) await once(here.process, "exit");
  whileDown();
  return startInstallation({ dataDir: here.dataDir, env });
}

/** The workerd process that `samovar up` recorded, which it does as soon as workerd runs. */
export async function recordedRuntime({ dataDir }: Installation): Promise<number> {
  for (;;) {
    const known = z.object({ pid: z.number() }).safeParse(readJson(join(dataDir, "runtime.json")));
    if (known.success) return known.data.pid;
    await setTimeout(20);
  }
}

export function tryKill(pid: number): boolean {
  try {
    return process.kill(pid, "SIGKILL");
  } catch {
    return false;
  }
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return null;
  }
}
