/** Which workerd runs on a data directory: `samovar up` records it there as soon as it runs. */
import { join } from "node:path";
import * as z from "zod";
import { readJson, writeAtomically } from "../files.ts";
import { findHolders, isRunning } from "./processes.ts";

const runtimeRecord = z.object({ pid: z.number().int().positive(), start: z.string() });
export type RuntimeRecord = z.infer<typeof runtimeRecord>;

export const getRuntimeFile = (dataDir: string): string => join(dataDir, "runtime.json");

export async function writeRuntimeRecord(dataDir: string, record: RuntimeRecord): Promise<void> {
  await writeAtomically(getRuntimeFile(dataDir), JSON.stringify(record));
}

/** The recorded process, whether it still runs or not; null without a record. */
export async function readRuntimeRecord(dataDir: string): Promise<RuntimeRecord | null> {
  const record = runtimeRecord.safeParse(await readJson(getRuntimeFile(dataDir)));
  return record.success ? record.data : null;
}

/** The workerd that runs on the directory; null when there is none. One that was just restarted may not be recorded yet. */
export async function findRuntime(dataDir: string): Promise<RuntimeRecord | null> {
  const record = await readRuntimeRecord(dataDir);
  if (record !== null && (await isRunning(record.pid, record.start))) return record;
  const [holder] = await findHolders(dataDir, "workerd");
  return holder ?? null;
}
