/** Kills parts of an installation's control plane, as a crash of the machine would, and starts it again. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import * as z from "zod";
import { type Installation, startInstallation } from "./installation.ts";

/** `workerd`: it is started again by its CLI. `cli`: workerd lives on. */
export type ControlPlanePart = "workerd" | "cli" | "both";

/** The installation as it is after it: the same one when its CLI lives. `whileDown` happens before the new start. */
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

/** The process that `samovar up` wrote down as its workerd: it does so as soon as there is one. */
export async function recordedRuntime({ dataDir }: Installation): Promise<number> {
  for (;;) {
    const known = z.object({ pid: z.number() }).safeParse(jsonOf(join(dataDir, "runtime.json")));
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

function jsonOf(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return null;
  }
}
