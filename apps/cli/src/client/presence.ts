/**
 * Whether Samovar runs for a data directory: read from its files and from the system's processes, never concluded
 * from silence.
 */
import { type Instance, readInstance } from "../instance.ts";
import { lockHolder } from "../up/lock.ts";
import { isRunning } from "../up/processes.ts";

export type Presence =
  | { readonly state: "running"; readonly instance: Instance }
  /** `samovar up` lives and has not written its instance file yet. */
  | { readonly state: "starting"; readonly pid: number }
  | { readonly state: "stopping"; readonly pid: number }
  | { readonly state: "absent" };

export async function readPresence(dataDir: string): Promise<Presence> {
  const instance = await readInstance(dataDir);
  if (instance !== null && (await isRunning(instance.pid, instance.start))) return { state: "running", instance };
  const holder = await lockHolder(dataDir);
  if (holder === null) return { state: "absent" };
  return { state: holder.stopping ? "stopping" : "starting", pid: holder.pid };
}
