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

const firewallRule = z.object({
  direction: z.enum(["in", "out"]),
  protocol: z.enum(["tcp", "udp", "icmp", "esp", "gre"]),
  port: z.string().nullable(),
  source_ips: z.array(z.string()),
  destination_ips: z.array(z.string()),
  description: z.string().nullable(),
});
export type FirewallRule = z.infer<typeof firewallRule>;

const firewallRecord = z.object({
  id: z.number().int().positive(),
  name: z.string(),
  labels: z.record(z.string(), z.string()),
  rules: z.array(firewallRule),
  createdAt: z.number(),
  /** The servers behind it. */
  serverIds: z.array(z.number().int().positive()),
});
export type FirewallRecord = z.infer<typeof firewallRecord>;

const actionRecord = z.object({
  id: z.number().int().positive(),
  command: z.string(),
  status: z.enum(["running", "success", "error"]),
  startedAt: z.number(),
  finishedAt: z.number().nullable(),
  serverId: z.number().int().positive().nullable(),
  firewallId: z.number().int().positive().nullable().default(null),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
});
export type ActionRecord = z.infer<typeof actionRecord>;

const cloudState = z.object({
  version: z.literal(1),
  /** Marks the processes of this cloud's servers, apart from those of any other cloud on the machine. */
  mark: z.string().regex(/^[0-9a-f]{16}$/),
  nextServerId: z.number().int().positive(),
  nextActionId: z.number().int().positive(),
  // Clouds of earlier versions have no firewalls.
  nextFirewallId: z.number().int().positive().default(1),
  servers: z.array(serverRecord),
  firewalls: z.array(firewallRecord).default([]),
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
        return cloudState.parse({
          version: 1,
          mark: newMark(),
          nextServerId: 1,
          nextActionId: 1,
          servers: [],
          actions: [],
        });
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
