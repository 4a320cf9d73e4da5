/** What the cloud remembers: one JSON file, replaced atomically and synced, so that a crash finds the old or the new. */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { makePassable } from "./machine/make-directory.ts";
import { machineState } from "./machine/machine.ts";

const serverRecord = z.object({
  id: z.number().int().positive(),
  name: z.string(),
  labels: z.record(z.string(), z.string()),
  createdAt: z.number(),
  serverType: z.string(),
  location: z.string(),
  status: z.enum(["initializing", "starting", "running", "stopping", "off", "deleting"]),
  machine: machineState,
});
export type ServerRecord = z.infer<typeof serverRecord>;

const actionRecord = z.object({
  id: z.number().int().positive(),
  command: z.string(),
  status: z.enum(["running", "success", "error"]),
  startedAt: z.number(),
  finishedAt: z.number().nullable(),
  serverId: z.number().int().positive(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
});
export type ActionRecord = z.infer<typeof actionRecord>;

const cloudState = z.object({
  version: z.literal(1),
  /** Marks the processes of this cloud's servers, apart from those of any other cloud on the machine. */
  mark: z.string().regex(/^[0-9a-f]{16}$/),
  nextServerId: z.number().int().positive(),
  nextActionId: z.number().int().positive(),
  servers: z.array(serverRecord),
  actions: z.array(actionRecord),
});
export type CloudState = z.infer<typeof cloudState>;

export interface StateFile {
  load(): CloudState;
  save(state: CloudState): void;
}

export function stateFile(dataDir: string, newMark: () => string): StateFile {
  makePassable(dataDir);
  const path = join(dataDir, "cloud.json");
  return {
    load() {
      const text = textOf(path);
      if (text === null)
        return { version: 1, mark: newMark(), nextServerId: 1, nextActionId: 1, servers: [], actions: [] };
      try {
        return cloudState.parse(JSON.parse(text));
      } catch (cause) {
        // Starting afresh would forget servers whose processes still run.
        throw new Error(`${path} cannot be read; move the directory away to start with an empty cloud`, { cause });
      }
    },
    save: (state) => replaceFile(path, JSON.stringify(state)),
  };
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}

function replaceFile(path: string, text: string): void {
  const partial = `${path}.partial`;
  const file = openSync(partial, "w", 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(partial, path);
}
