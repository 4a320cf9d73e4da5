/**
 * Reads whether Samovar runs on a data directory, from its files and the system's process table. A missing response
 * alone never counts as proof.
 */
import { type Instance, readInstance } from "../instance.ts";
import { findLockHolder } from "../up/lock.ts";
import { isRunning } from "../up/processes.ts";

export type Presence =
  | { readonly state: "running"; readonly instance: Instance }
  /** `samovar up` is running and has not written its instance file yet. */
  | { readonly state: "starting"; readonly pid: number }
  | { readonly state: "stopping"; readonly pid: number }
  | { readonly state: "absent" }
  /** On another machine: only an answer shows that it is running. */
  | { readonly state: "remote"; readonly url: string };

export async function readPresence(dataDir: string): Promise<Presence> {
  const instance = await readInstance(dataDir);
  if (instance !== null && (await isRunning(instance.pid, instance.start))) return { state: "running", instance };
  const holder = await findLockHolder(dataDir);
  if (holder === null) return { state: "absent" };
  return { state: holder.stopping ? "stopping" : "starting", pid: holder.pid };
}
